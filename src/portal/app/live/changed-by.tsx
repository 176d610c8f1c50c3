import { type ReactNode, useEffect, useRef, useState } from 'react'
import { writeInstant, writeSpan } from '../../shown/time-text.ts'
import { useApp } from '../frame/app.tsx'
import { usePreferences } from '../frame/preferences.ts'
import { Name } from '../parts/badges.tsx'
import { findActor, onActor, type Thing } from './actors.ts'

/** Who changed a field that somebody looks at, and when. */
interface Mark {
  readonly by: string
  /** As the server wrote it. */
  readonly at: string
  /** Until when it is shown, in ms of `performance.now()`. */
  readonly untilMs: number
}

/** Fields that others have changed just now, by name. */
export type Changes<F extends string = string> = ReadonlyMap<F, Mark>

const nothing = (): void => {}

/** @source design portal 6.4 */
const shownMs = 10_000

/**
 * Which fields of the thing on the screen somebody else has changed since it is there. What the person changed is not marked: told by who the
 * news say it was, as others may have the same name.
 * @param thing what is on the screen
 * @param shown the fields as text; the same names each time
 * @param by who changed the thing last, as the API says
 * @param at when
 */
export function useChanges<F extends string>(
  thing: Thing,
  shown: Readonly<Record<F, string>>,
  by: string | null,
  at: string,
): Changes<F> {
  const { session } = useApp()
  const [marks, setMarks] = useState<Changes<F>>(new Map())
  const before = useRef(shown)
  const undecided = useRef(nothing)
  useEffect(() => {
    const changed = namesOf(shown).filter((field) => shown[field] !== before.current[field])
    before.current = shown
    if (changed.length === 0) return
    const { user, tenant } = session
    const mark = (): void => {
      const made = { by: by || 'somebody', at, untilMs: performance.now() + shownMs }
      setMarks((held) => new Map([...held, ...changed.map((field) => [field, made] as const)]))
    }
    const ask = (): void => {
      const actor = findActor(tenant.id, thing, at)
      if (actor !== undefined) undecided.current = nothing
      if (actor !== undefined && actor !== user.id) mark()
    }
    setMarks((held) => new Map([...held].filter(([field]) => !changed.includes(field))))
    undecided.current = nothing
    if (by !== user.name) return mark()
    // It may be somebody else of that name; what was changed can be here before the news of it.
    undecided.current = ask
    ask()
  })
  useEffect(() => onActor(() => undecided.current()), [])
  useEffect(() => {
    if (marks.size === 0) return
    const first = Math.min(...[...marks.values()].map(({ untilMs }) => untilMs))
    const timer = setTimeout(
      () => setMarks((held) => new Map([...held].filter(([, { untilMs }]) => untilMs > first))),
      first - performance.now(),
    )
    return () => clearTimeout(timer)
  }, [marks])
  return marks
}

function namesOf<F extends string>(shown: Readonly<Record<F, string>>): F[] {
  return Object.keys(shown) as F[]
}

/** A field, with a bar beside it while it is new. The bar takes no room and does not move. */
export function Changed({ isNew, children }: { isNew: boolean; children: ReactNode }) {
  return isNew ? (
    <span className="changed" data-changed>
      {children}
    </span>
  ) : (
    children
  )
}

/** What of it was changed by whom how long ago; nothing when nothing was. @param words the fields as people call them */
export function ChangedBy<F extends string>(props: { changes: Changes<F>; words: Readonly<Record<F, string>> }) {
  const { changes, words } = props
  const marks = [...new Set(changes.values())]
  return marks.map((mark) => (
    <span key={`${mark.by} ${mark.at}`} data-changed-by>
      {[...changes].flatMap(([field, held]) => (held === mark ? [words[field]] : [])).join(', ')} changed by{' '}
      <Name>{mark.by}</Name> <Since at={mark.at} />
    </span>
  ))
}

/** The clock of the other ages is too slow for what stays 10 s. */
const tickMs = 1_000

function Since({ at }: { at: string }) {
  const { zone } = usePreferences()
  const [nowMs, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), tickMs)
    return () => clearInterval(timer)
  }, [])
  return (
    <time dateTime={at} title={writeInstant(at, zone)}>
      {/* The server's clock may run a little ahead of this one. */}
      {writeSpan(Math.max(0, Math.round((nowMs - Date.parse(at)) / 1_000)))} ago
    </time>
  )
}
