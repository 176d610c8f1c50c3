import { escapeHtml } from '../html.ts'

/** Markup that {@link html} made: nothing else becomes a tag. */
export interface Markup {
  readonly markup: string
}

type Part = Markup | string | number | null | readonly Part[]

/** Markup with texts in it, each of them made harmless, between tags as in quoted attributes; null is nothing. */
export function html(written: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { markup: written.map((text, index) => text + write(parts[index] ?? null)).join('') }
}

function write(part: Part): string {
  if (part === null) return ''
  if (typeof part === 'string') return escapeHtml(part)
  if (typeof part === 'number') return String(part)
  return 'markup' in part ? part.markup : part.map(write).join('')
}
