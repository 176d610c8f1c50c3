import type { Clock } from '../../io/clock.ts'
import { isAtLeast, isWanted, type NoticeEvent, type NoticeSeverity } from '../../model/notices/notice.ts'
import type { Store } from '../../store/db.ts'
import type { Channels } from './reach.ts'
import { findPeople, findTime } from './tell.ts'

/** When somebody would hear of a notice: at once, after their quiet hours, or not at all. */
export type Hearing =
  | { readonly state: 'now' | 'untold'; readonly until: null }
  /** `until`: 7-digit instant. */
  | { readonly state: 'later'; readonly until: string }

/** What foretelling needs. */
export interface ForetellDeps {
  readonly store: Pick<Store, 'read'>
  readonly clock: Clock
  readonly channels: Pick<Channels, 'kinds' | 'list'>
}

/**
 * Says when these people would hear of a notice that is written now, by the same choice that sends it. Whether anybody looks at it then,
 * nobody can know.
 * @returns by id of the person; whoever is absent is not told
 */
export async function foretellHearing(
  deps: ForetellDeps,
  tenantId: string,
  ids: ReadonlySet<string>,
  notice: { readonly event: NoticeEvent; readonly severity: NoticeSeverity },
): Promise<ReadonlyMap<string, Hearing>> {
  const { event, severity } = notice
  const people = await findPeople(deps, tenantId, (settings, id) => ids.has(id) && isWanted(settings, event, severity))
  return new Map(
    people.map(({ id, settings }): [string, Hearing] => {
      const until = findTime(deps, settings, isAtLeast(severity, 'high'))
      return [id, until > deps.clock.now() ? { state: 'later', until } : { state: 'now', until: null }]
    }),
  )
}
