import { closeTurns } from '../../../portal/shown/name-text.ts'
import { drawTenantMark, isCodeSaid } from '../../../portal/shown/tenant-mark.ts'
import { writeAge, writeInstant } from '../../../portal/shown/time-text.ts'
import { severities, statuses, type Tone } from '../../../portal/shown/words.ts'
import { html, type Markup } from './markup.ts'

// What src/portal/app/parts draws, with the same classes, for a page whose scripts have not run yet.

/** A name that came with data, kept apart from the text around it. */
export function name(text: string): Markup {
  return html`<bdi>${closeTurns(text)}</bdi>`
}

function badge(tone: Tone, title: string, inner: Markup | string): Markup {
  return html`<span class="badge tone-${tone}" title="${title}">${inner}</span>`
}

/** A severity by word, shape and colour. */
export function severity(value: string): Markup {
  const known = severities[value]
  return badge(
    known?.tone ?? 'quiet',
    value,
    html`<span aria-hidden="true">${known?.mark ?? '?'}</span>${known?.word ?? value}`,
  )
}

/** A status in words. @param of what it is a status of, where that has to be said */
export function status(value: string, of?: string): Markup {
  const known = statuses[value]
  return badge(known?.tone ?? 'quiet', value, `${of === undefined ? '' : `${of}: `}${known?.word ?? value}`)
}

/** Writes instants as they are at that moment, in UTC: a browser that reads in another zone says so when its scripts run. */
export type TimeWriter = (at: string, isExact?: boolean) => Markup

/** @param nowMs the moment from which ages are counted */
export function createTimeWriter(nowMs: number): TimeWriter {
  return (at, isExact = false) => {
    const whole = writeInstant(at, 'UTC')
    return html`<time datetime="${at}" title="${whole}">${(isExact ? null : writeAge(at, nowMs)) ?? whole}</time>`
  }
}

/** A tenant by pattern, colour, short code and name. */
export function tenantBadge(tenant: {
  readonly id: string
  readonly name: string
  readonly code: string
  readonly mark: number
}): Markup {
  const { className, pattern, path } = drawTenantMark(tenant.mark)
  const code = isCodeSaid(tenant) ? null : html`<code>${tenant.code}</code>`
  return html`<span class="badge" data-tenant="${tenant.id}"><svg aria-hidden="true" viewBox="0 0 14 14" class="${className}" data-pattern="${pattern}"><path fill-rule="evenodd" d="${path}"></path></svg>${code}${name(tenant.name)}</span>`
}

/** A button that becomes one when the scripts have run. @param off why it is off for this person also then */
export function waitingButton(
  inner: Markup | string,
  look: { readonly kind?: 'plain' | 'primary'; readonly label?: string; readonly off?: string | null } = {},
): Markup {
  const { kind = 'plain', label, off = null } = look
  const named = label === undefined ? null : html` aria-label="${label}"`
  const why = off === null ? null : html`<span class="text-meta text-ink-2">${off}</span>`
  return html`<span class="inline-flex flex-wrap items-center gap-2"><button type="button" class="button button-${kind}" aria-disabled="true" title="The page is getting ready"${named}>${inner}</button>${why}</span>`
}
