import type { ReactNode } from 'react'

/** A table that may be wider than its place: it scrolls sideways by itself, by keys too, and never the page. */
export function Wide({ name, isBox = false, children }: { name: string; isBox?: boolean; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a table that scrolls sideways is scrolled by keys
    <div className={`${isBox ? 'box ' : ''}overflow-x-auto`} role="region" aria-label={name} tabIndex={0}>
      {children}
    </div>
  )
}
