import type { Change } from './stream.ts'

/** Something that changes, as the news name it. */
export interface Thing {
  readonly resource: 'incident' | 'incidentTask'
  readonly id: string
}

/** So many changes are remembered: those of what is on the screen are among the last. */
const most = 300
const actors = new Map<string, string>()
const listeners = new Set<() => void>()

const keyOf = (tenant: string, { resource, id }: Pick<Change, 'resource' | 'id'>, at: string): string =>
  [tenant, resource, id, at].join(' ')

/** Remembers who made a change, and tells those who wait for it. */
export function noteActor(tenant: string, change: Change): void {
  if (change.actorId === null) return
  actors.set(keyOf(tenant, change, change.at), change.actorId)
  const [oldest] = actors.keys()
  if (actors.size > most && oldest !== undefined) actors.delete(oldest)
  for (const listener of listeners) listener()
}

/** The id of who changed a thing at that instant; undefined while the news of it are not here. */
export function findActor(tenant: string, thing: Thing, at: string): string | undefined {
  return actors.get(keyOf(tenant, thing, at))
}

/** Calls whenever somebody more is known. @returns what ends that */
export function onActor(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
