import { type ReactNode, useEffect, useRef } from 'react'
import { useApp } from './app.tsx'

/** The heading of a screen. It takes the focus when the screen is entered, and names the window: what waits, what it is, which tenant. */
export function Title({ text, window: named, children }: { text: string; window?: string; children?: ReactNode }) {
  const { session } = useApp()
  const heading = useRef<HTMLHeadingElement>(null)
  const shown = named ?? text
  useEffect(() => {
    document.title = `${shown} - ${session.tenant.name} - Cordon`
  }, [shown, session.tenant.name])
  useEffect(() => {
    // Whatever a person is already in keeps the focus.
    if (document.activeElement === document.body || document.activeElement === null) heading.current?.focus()
  }, [])
  return (
    <h1 ref={heading} tabIndex={-1} className="outline-none">
      {children ?? text}
    </h1>
  )
}
