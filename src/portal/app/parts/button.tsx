import type { ReactNode } from 'react'
import { useId } from 'react'

/** A button that never goes dead in silence: one that is off says why, to the eye and to a screen reader. */
export function Button(props: {
  children: ReactNode
  onPress: () => void
  /** Why it is off; null when it is on. */
  off?: string | null
  kind?: 'plain' | 'primary' | 'danger'
  label?: string
}) {
  const { children, onPress, off = null, kind = 'plain', label } = props
  const reason = useId()
  return (
    <span className="inline-flex flex-wrap items-center gap-2">
      <button
        type="button"
        className={`button button-${kind}`}
        aria-disabled={off !== null}
        aria-label={label}
        aria-describedby={off === null ? undefined : reason}
        onClick={() => {
          if (off === null) onPress()
        }}
      >
        {children}
      </button>
      {off === null ? null : (
        <span id={reason} className="text-meta text-ink-2">
          {off}
        </span>
      )}
    </span>
  )
}
