import { escapeHtml } from './html.ts'

/** The page that every address of the portal begins with. */
export interface Shell {
  /**
   * @param title of the window, text; null for the usual one
   * @param body what the page shows before its scripts run, markup; null for nothing
   */
  write(nonce: string, title: string | null, body: string | null): string
}

/** The screens whose scripts a page that shows an incident needs next, as the build names them. */
const nextScripts = ['takeover.ts', 'screens/incident/incident.tsx']

/**
 * Takes the built page apart, once: what comes in between later, texts of attackers among it, is never searched for marks.
 * @param manifest what the build says of its files
 * @throws Error when the page is not the one that the portal's sources give
 */
export function splitShell(page: string, manifest: unknown): Shell {
  const [start, afterNonce] = cut(page, '{{nonce}}')
  const [beforeTitle, afterTitle] = cut(afterNonce, '<title>Cordon</title>')
  const [head, afterHead] = cut(afterTitle, '</head>')
  const [beforeApp, end] = cut(afterHead, '<div id="app"></div>')
  const preloads = listScripts(manifest, nextScripts)
    .filter((file) => !page.includes(`"/${file}"`))
    .map((file) => `<link rel="modulepreload" crossorigin href="/${file}">\n`)
    .join('')
  return {
    write: (nonce, title, body) => {
      const named = title === null ? '<title>Cordon</title>' : `<title>${escapeHtml(title)}</title>`
      const next = body === null ? '' : preloads
      return `${start}${nonce}${beforeTitle}${named}${head}${next}</head>${beforeApp}<div id="app">${body ?? ''}</div>${end}`
    },
  }
}

function cut(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark)
  if (at < 0) throw new Error(`the built portal has a page without ${mark}; build it again`)
  return [text.slice(0, at), text.slice(at + mark.length)]
}

/** The files of these modules, and those they import at once, each once. */
function listScripts(manifest: unknown, modules: readonly string[]): string[] {
  const files = new Set<string>()
  const seen = new Set<string>()
  const take = (key: string): void => {
    if (seen.has(key)) return
    seen.add(key)
    const { file, imports } = Object(Object(manifest)[key])
    if (typeof file === 'string') files.add(file)
    if (Array.isArray(imports)) for (const one of imports) take(String(one))
  }
  for (const module of modules) take(module)
  return [...files]
}
