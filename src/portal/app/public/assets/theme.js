// Runs before the first paint, so that no page flashes in the wrong colours. What it writes, src/portal/app/frame/preferences.ts reads.
;(() => {
  /** @returns {Record<string, unknown>} */
  const read = () => {
    try {
      return JSON.parse(localStorage.getItem('cordon.preferences') ?? '{}')
    } catch {
      // Not ours, or no storage: the defaults hold.
      return {}
    }
  }
  const system = matchMedia('(prefers-color-scheme: dark)')
  const apply = () => {
    const { theme, density } = read()
    const isDark = theme === 'dark' || (theme !== 'light' && system.matches)
    document.documentElement.dataset.theme = isDark ? 'dark' : 'light'
    document.documentElement.dataset.density = typeof density === 'string' ? density : 'compact'
  }
  apply()
  system.addEventListener('change', apply)
})()
