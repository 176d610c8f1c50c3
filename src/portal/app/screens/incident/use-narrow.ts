import { useSyncExternalStore } from 'react'

const narrow = '(max-width: 599px)'

function listen(changed: () => void): () => void {
  const query = matchMedia(narrow)
  query.addEventListener('change', changed)
  return () => query.removeEventListener('change', changed)
}

/** True on a window as narrow as a phone's. */
export function useNarrow(): boolean {
  return useSyncExternalStore(listen, () => matchMedia(narrow).matches)
}
