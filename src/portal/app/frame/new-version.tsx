import { useEffect, useRef, useState } from 'react'
import { useLiveState, useStaleSince } from '../live/live-state.ts'

/** A server that was away may have come back with another portal: then it names another first script than this page has. */
async function hasAnother(): Promise<boolean> {
  const own = document.querySelector<HTMLScriptElement>('script[type=module][src]')?.getAttribute('src') ?? ''
  const answer = await fetch('/', { cache: 'no-store' })
  return answer.ok && !(await answer.text()).includes(own)
}

/** Says quietly that there is a newer portal; when to go on with it is the person's business. */
export default function NewVersion() {
  const state = useLiveState()
  const staleSince = useStaleSince()
  const wasLost = useRef(false)
  const [isThere, setThere] = useState(false)
  useEffect(() => {
    if (staleSince !== null) wasLost.current = true
    if (state !== 'live' || !wasLost.current) return
    wasLost.current = false
    hasAnother().then(setThere, () => {
      // The next return of the server asks again.
    })
  }, [state, staleSince])
  if (!isThere) return null
  return (
    <section
      aria-label="Newer portal"
      className="no-print flex flex-wrap items-center gap-3 border-b border-line bg-surface px-3 py-2"
    >
      The server has a newer portal. Reload when you like.
      <button type="button" className="button" onClick={() => location.reload()}>
        Reload
      </button>
      <button type="button" className="button" onClick={() => setThere(false)}>
        Not now
      </button>
    </section>
  )
}
