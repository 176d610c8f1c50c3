import { useSyncExternalStore } from 'react'

const narrow = matchMedia('(max-width: 599px)')

function listen(changed: () => void): () => void {
  narrow.addEventListener('change', changed)
  return () => narrow.removeEventListener('change', changed)
}

/** True on a window as narrow as a phone's. */
export function useNarrow(): boolean {
  return useSyncExternalStore(listen, () => narrow.matches)
}
