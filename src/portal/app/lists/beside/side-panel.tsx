import { type ReactNode, useEffect, useRef } from 'react'

const widths = {
  start: 'md:start-0 md:w-80 md:border-e lg:w-60',
  end: 'md:end-0 md:w-[30rem] md:border-s lg:w-[26.25rem]',
} as const

/**
 * A panel beside a list. It takes the focus when it opens and gives it back when it closes; Escape closes it unless something lies above it.
 * @param props.side where it stands; `end` lies above `start`
 * @param props.subject what it shows, where that may change while it is open
 * @param props.returnTo selector of what gets the focus back
 */
export function SidePanel(props: {
  readonly label: string
  readonly side: keyof typeof widths
  readonly subject?: string
  readonly close: () => void
  readonly returnTo: string
  readonly children: ReactNode
}) {
  const { label, side, subject = '', close, returnTo, children } = props
  const heading = useRef<HTMLHeadingElement>(null)
  const opener = useRef(returnTo)
  opener.current = returnTo
  // biome-ignore lint/correctness/useExhaustiveDependencies: what it shows now
  useEffect(() => {
    // Of two that come with an address the one above has it, whichever is there first.
    const isBelow = side === 'start' && document.activeElement?.closest('[data-side=end]') != null
    if (!isBelow) heading.current?.focus()
  }, [subject])
  useEffect(
    () => () => {
      const to = opener.current
      // When the list is there again.
      setTimeout(() => document.querySelector<HTMLElement>(to)?.focus({ preventScroll: true }), 0)
    },
    [],
  )
  useEscape(side, close)
  return (
    <aside
      aria-label={label}
      data-side={side}
      className={`min-w-0 grow border-line md:fixed md:inset-y-0 md:z-30 md:overflow-y-auto md:bg-surface md:p-4 md:shadow-xl lg:sticky lg:top-2 lg:z-auto lg:max-h-[calc(100dvh-1rem)] lg:shrink-0 lg:grow-0 lg:rounded-box lg:border lg:shadow-none ${widths[side]}`}
    >
      <div className="flex items-start justify-between gap-2">
        <h2 ref={heading} tabIndex={-1} className="outline-none">
          {label}
        </h2>
        <button type="button" className="button" onClick={close}>
          <span className="md:hidden">Back to the list</span>
          <span className="max-md:hidden">Close</span>
        </button>
      </div>
      {children}
    </aside>
  )
}

function useEscape(side: string, close: () => void): void {
  const latest = useRef(close)
  latest.current = close
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.defaultPrevented) return
      if (document.querySelector('[role=dialog], [role=alertdialog], [role=menu]') !== null) return
      if (side === 'start' && document.querySelector('[data-side=end]') !== null) return
      latest.current()
    }
    // After a dialog that closes by the same key has gone, or not: it is asked while it is still there.
    window.addEventListener('keydown', onKey, { capture: true })
    return () => window.removeEventListener('keydown', onKey, { capture: true })
  }, [side])
}
