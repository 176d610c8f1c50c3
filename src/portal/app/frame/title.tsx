import { type ReactNode, useEffect, useRef } from 'react'
import { keepApart } from '../../shown/name-text.ts'
import { useApp } from './app.tsx'

/** The heading of a screen. It takes the focus when the screen is entered, and names the window: what waits, what it is, which tenant. */
export function Title({ text, window: named, children }: { text: string; window?: string; children?: ReactNode }) {
  const { session } = useApp()
  const heading = useRef<HTMLHeadingElement>(null)
  const shown = named ?? text
  useEffect(() => {
    document.title = `${keepApart(shown)} - ${keepApart(session.tenant.name)} - Cordon`
  }, [shown, session.tenant.name])
  useEffect(() => {
    // Whatever a person is already in keeps the focus: a row one came back to, a dialog. A link that led here does not.
    if (!document.activeElement?.closest('main, [role=dialog], [role=alertdialog]')) heading.current?.focus()
  }, [])
  return (
    <h1 ref={heading} tabIndex={-1} className="outline-none">
      {children ?? text}
    </h1>
  )
}
