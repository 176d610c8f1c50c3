import { useSyncExternalStore } from 'react'

const handheld = matchMedia('(max-width: 599px), (pointer: coarse)')

function listen(changed: () => void): () => void {
  handheld.addEventListener('change', changed)
  return () => handheld.removeEventListener('change', changed)
}

/** True on a screen that is narrow or worked with a finger. */
export function useHandheld(): boolean {
  return useSyncExternalStore(listen, () => handheld.matches)
}
