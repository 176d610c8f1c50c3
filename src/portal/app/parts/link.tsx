import { useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'

/** A link within the portal. `to` is made by src/portal/app/paths.ts, never taken from data. */
export function Link(props: {
  to: string
  children: ReactNode
  className?: string
  current?: boolean
  label?: string
}) {
  const navigate = useNavigate()
  return (
    <a
      href={props.to}
      className={props.className}
      aria-label={props.label}
      aria-current={props.current === true ? 'page' : undefined}
      onClick={(event) => {
        if (
          event.defaultPrevented ||
          event.button !== 0 ||
          event.metaKey ||
          event.ctrlKey ||
          event.shiftKey ||
          event.altKey
        )
          return
        event.preventDefault()
        void navigate({ href: props.to })
      }}
    >
      {props.children}
    </a>
  )
}
