import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { announce } from '../../live/announce.tsx'

const steps = 3
const stepMs = 500
const resting = 'Hold it for 1.5 seconds.'
const widths = ['w-0', 'w-1/3', 'w-2/3', 'w-full']

/**
 * A button that is held for 1.5 s, by a finger, a pointer or a key. Letting go sooner does nothing and says so; so does a press that is no
 * hold, such as that of a screen reader, for whom another way must stand beside it. A key counts from a press on this very button: the
 * repeats of one that was down before begin nothing and hasten nothing.
 */
export function HoldButton(props: { children: ReactNode; off: string | null; onHeld: () => void }) {
  const { children, off, onHeld } = props
  const hint = useId()
  const { step, says, begin, end, sayHow } = useHold(off, onHeld)
  const ifKey = (act: () => void) => (event: KeyboardEvent) => {
    if (event.key !== ' ' && event.key !== 'Enter') return
    event.preventDefault()
    if (!event.repeat) act()
  }
  return (
    <span className="flex grow flex-col gap-1">
      <button
        type="button"
        className="button button-danger relative min-h-11 touch-none overflow-hidden select-none"
        aria-disabled={off !== null}
        aria-describedby={hint}
        onPointerDown={(event) => event.isPrimary && event.button === 0 && begin()}
        onPointerUp={end}
        onPointerLeave={end}
        onPointerCancel={end}
        onKeyDown={ifKey(begin)}
        onKeyUp={ifKey(end)}
        onBlur={end}
        // A long press of a finger would open the menu of the browser.
        onContextMenu={(event) => event.preventDefault()}
        onClick={(event) => event.detail === 0 && sayHow()}
      >
        <span
          aria-hidden="true"
          data-held-step={step}
          className={`absolute inset-y-0 start-0 bg-ink/30 transition-[width] duration-500 ease-linear motion-reduce:transition-none ${widths[step] ?? ''}`}
        />
        <span className="relative">{children}</span>
      </button>
      <span id={hint} className="text-meta text-ink-2">
        {off ?? (step > 0 ? `Keep holding: ${step} of ${steps}` : says)}
      </span>
    </span>
  )
}

/** Counts the time a press lasts, in steps that are words as well. */
function useHold(off: string | null, onHeld: () => void) {
  const [step, setStep] = useState(0)
  const [says, say] = useState(resting)
  const timer = useRef<ReturnType<typeof setInterval> | null>(null)
  const latest = useRef({ off, onHeld })
  latest.current = { off, onHeld }
  const stop = (): boolean => {
    const wasHeld = timer.current !== null
    if (timer.current !== null) clearInterval(timer.current)
    timer.current = null
    setStep(0)
    return wasHeld
  }
  useEffect(() => () => clearInterval(timer.current ?? undefined), [])
  const tell = (text: string): void => {
    say(text)
    announce(text)
  }
  const begin = (): void => {
    if (latest.current.off !== null || timer.current !== null) return
    let done = 0
    announce('Keep holding')
    timer.current = setInterval(() => {
      done += 1
      if (done < steps) return setStep(done)
      stop()
      tell('Held.')
      if (latest.current.off === null) latest.current.onHeld()
    }, stepMs)
  }
  const end = (): void => {
    if (stop()) tell(`Let go too early: nothing was sent. ${resting}`)
  }
  return { step, says, begin, end, sayHow: () => tell(`A press is not enough. ${resting}`) }
}
