import { railScreens } from '../../../portal/shown/screens.ts'
import { html, type Markup } from './markup.ts'
import { name, tenantBadge } from './parts.ts'
import type { Reader } from './read.ts'

/** What stands around every screen, as src/portal/app/frame draws it. @param at the screen the address names */
export function drawFrame({ place, places }: Reader, at: string, main: Markup): Markup {
  const { tenant, user } = place
  const chip =
    places > 1
      ? html`<button type="button" class="button" aria-haspopup="dialog" aria-disabled="true" aria-label="Tenant ${tenant.name}, switch">${tenantBadge(tenant)}</button>`
      : tenantBadge(tenant)
  return html`<div class="flex min-h-screen flex-col">
<a href="#main" class="button sr-only focus:not-sr-only focus:absolute focus:z-50">Skip to content</a>
<div role="status" class="sr-only"></div><div role="alert" class="sr-only"></div>
<header class="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-surface px-3 py-2">
<a href="/" class="alone font-semibold text-ink no-underline">Cordon</a>
${chip}
<span data-live="catching-up" class="text-meta text-ink-2"><span aria-hidden="true">○</span> catching up</span>
<span class="grow"></span>
<button type="button" class="button" aria-disabled="true">Commands <kbd class="text-meta max-sm:hidden">Ctrl+K</kbd></button>
<button type="button" class="button" aria-disabled="true" aria-label="Time zone UTC, change">UTC</button>
<span class="text-ink-2 max-sm:hidden">${name(user.name)} (${user.role})</span>
<button type="button" class="button" aria-disabled="true">Sign out</button>
</header>
<div class="flex min-h-0 flex-1 flex-col md:flex-row">
<nav aria-label="Screens" class="flex shrink-0 flex-wrap gap-1 border-line bg-surface p-2 max-md:border-b max-sm:flex-nowrap max-sm:overflow-x-auto md:min-w-40 md:flex-col md:border-e">
${railScreens.map((screen) => drawScreen(tenant.id, screen, at))}
</nav>
<main id="main" class="min-w-0 flex-1">${main}</main>
</div>
</div>`
}

const link = 'flex min-h-7 shrink-0 items-center gap-2 rounded-box px-2 whitespace-nowrap no-underline'
/** Where the page counts what waits. */
const count = html`<span class="min-w-[3ch] text-end tabular-nums"></span>`

function drawScreen(tenantId: string, [screen, word, icon]: (typeof railScreens)[number], at: string): Markup {
  const look = screen === at ? 'bg-sunken font-semibold text-ink' : 'text-ink-2'
  const current = screen === at ? html` aria-current="page"` : null
  const isTasks = screen === 'tasks'
  return html`<a href="/t/${tenantId}/${screen}" class="${link} ${look}"${current}><span aria-hidden="true">${icon}</span>${word}${isTasks ? count : null}</a>${isTasks ? html`<a href="/t/${tenantId}/approvals" class="${link} text-meta md:ps-8 text-ink-2">${count}to approve</a>` : null}`
}
