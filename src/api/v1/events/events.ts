import { listPlaces, openVisit, type Place } from '../../../access/members/visit.ts'
import { readOwnSession, requireSession } from '../../../access/sessions.ts'
import type { AccessDeps } from '../../../access/tenants.ts'
import { CordonError } from '../../../model/errors.ts'
import { type Permission, rolePermissions } from '../../../model/permissions.ts'
import type { LiveFeed } from '../../../notify/live.ts'
import type { FeedChange } from '../../../store/changes.ts'
import type { Answer, AuthorizedHandler, Call, OpenHandler, StreamSink } from '../../route.ts'

/** What telling of changes as they happen needs. */
export interface EventsDeps {
  readonly feed: LiveFeed
  /** Names the caller of a request again; throws when the credential holds no more. */
  readonly authenticate: (call: Call) => Promise<unknown>
}

/** Streams one caller, and one tenant, may have open at one time. */
const maxPerCaller = 20
const maxPerTenant = 500
/** A comment after so much silence tells both ends that the other is there; the credential is looked at again then. */
const beatMs = 15_000
/** Who takes less than this out of the pipe is let go, and comes again with where it was. */
const maxWaitingBytes = 512 * 1024

/**
 * GET /api/v1/events: the tenant's changes as they happen, as server-sent events to whoever accepts `text/event-stream`; to others those after
 * `since` until now, as JSON. `since` resumes after the number of the last event seen; when what was missed is more than is kept or made up
 * for, a `resync` event (or `complete: false`) says so. A stream ends when the credential does.
 * @source WHATWG HTML, server-sent events
 */
export function streamEvents(deps: EventsDeps): AuthorizedHandler {
  const open = new Map<string, number>()
  return async (call) => {
    const { tenantId, id } = call.caller
    const since = readSince(call.rawQuery)
    if (!/text\/event-stream/i.test(String(call.headers.accept ?? ''))) return answerOnce(deps, tenantId, since)
    const release = takePlaces(open, [
      [`tenant ${tenantId}`, maxPerTenant],
      [`caller ${tenantId} ${id}`, maxPerCaller],
    ])
    const check = async (): Promise<boolean> => {
      await deps.authenticate(call)
      return true
    }
    return answerStream({ feed: deps.feed, tenantIds: [tenantId], check, show }, since, release)
  }
}

const mayListen: readonly Permission[] = [
  'SecurityIncident.Read.All',
  'SecurityIncident.ReadWrite.All',
  'SecurityIncidentTask.ReadWrite.All',
]

/**
 * GET /auth/events: the same of every tenant that the person of the session may read in, each change with its tenant, over one stream: a
 * browser has few connections to one server. It ends with the session, and when the person gets, loses or changes a role anywhere.
 */
export function streamAllEvents(deps: Pick<EventsDeps, 'feed'> & AccessDeps): OpenHandler {
  const open = new Map<string, number>()
  return async (call) => {
    const session = await requireSession(deps, call)
    const since = readSince(call.rawQuery)
    const places = (await listPlaces(deps, session)).filter(isReadable)
    for (const { tenant } of places) {
      if (tenant.id !== session.tenantId) await openVisit(deps, call, session, tenant.id)
    }
    const roles = spellRoles(places)
    const check = async (): Promise<boolean> => {
      const now = await readOwnSession(deps, call)
      return now !== undefined && spellRoles((await listPlaces(deps, now)).filter(isReadable)) === roles
    }
    const release = takePlaces(open, [[`caller ${session.user.id}`, maxPerCaller]])
    const tenantIds = places.map(({ tenant }) => tenant.id)
    const named = (change: FeedChange): object => ({ ...show(change), tenant: change.tenantId })
    return answerStream({ feed: deps.feed, tenantIds, check, show: named }, since, release)
  }
}

function isReadable({ user }: Place): boolean {
  return rolePermissions[user.role].some((held) => mayListen.includes(held))
}

function spellRoles(places: readonly Place[]): string {
  return places.map(({ tenant, user }) => `${tenant.id} ${user.role}`).join()
}

/** What a stream tells, and for how long. */
interface Telling {
  readonly feed: LiveFeed
  readonly tenantIds: readonly string[]
  /** Whether it may go on; throws when the credential holds no more. */
  readonly check: () => Promise<boolean>
  readonly show: (change: FeedChange) => object
}

function answerStream(telling: Telling, since: number | null, release: () => void): Answer {
  return {
    status: 200,
    contentType: 'text/event-stream; charset=utf-8',
    headers: { 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' },
    stream: (sink) => {
      const end = tell(telling, since, sink)
      return () => {
        release()
        end()
      }
    },
  }
}

async function answerOnce(deps: EventsDeps, tenantId: string, since: number | null): Promise<Answer> {
  const seq = await deps.feed.now()
  const missed = since === null ? [] : await deps.feed.catchUp([tenantId], since, seq)
  return { status: 200, body: JSON.stringify({ seq, complete: missed !== null, value: (missed ?? []).map(show) }) }
}

/** Tells one client until either side ends it. @returns what is to be done when the client is gone */
function tell({ feed, tenantIds, check, show: spell }: Telling, since: number | null, sink: StreamSink): () => void {
  const write = (change: FeedChange): string =>
    `id: ${change.seq}\nevent: change\ndata: ${JSON.stringify(spell(change))}\n\n`
  let early: FeedChange[] | null = []
  let leave = (): void => {}
  let isOver = false
  const send = (changes: readonly FeedChange[]): void => {
    if (early !== null) early.push(...changes)
    else if (sink.waitingBytes() > maxWaitingBytes) sink.end()
    else sink.write(changes.map(write).join(''))
  }
  const beat = setInterval(() => {
    sink.write(': still here\n\n')
    check().then(
      (isHeld) => isHeld || sink.end(),
      () => sink.end(),
    )
  }, beatMs)
  const takeBack = feed.onStop(() => sink.end())
  const begin = async (): Promise<void> => {
    const listening = await feed.join(tenantIds, send)
    leave = listening.leave
    if (isOver) return leave()
    const missed = since === null ? [] : await feed.catchUp(tenantIds, since, listening.from)
    const kind = missed === null ? 'resync' : 'ready'
    sink.write(`retry: 1000\n${(missed ?? []).map(write).join('')}${writeState(kind, listening.from)}`)
    const waiting = early ?? []
    early = null
    if (waiting.length > 0) send(waiting)
  }
  begin().catch(() => sink.end())
  return () => {
    isOver = true
    clearInterval(beat)
    takeBack()
    leave()
  }
}

function show({ seq, at, change, resource, objectId, actorId }: FeedChange): object {
  return { seq, at, resource, id: objectId, change, actorId }
}

function writeState(kind: 'ready' | 'resync', seq: number): string {
  return `id: ${seq}\nevent: ${kind}\ndata: ${JSON.stringify({ seq })}\n\n`
}

function readSince(rawQuery: string): number | null {
  const text = new URLSearchParams(rawQuery).get('since')
  if (text === null || text === '') return null
  const since = Number(text)
  if (/^\d{1,15}$/.test(text) && Number.isSafeInteger(since)) return since
  throw new CordonError('BadRequest', 'since takes the number of an event.', { target: 'since' })
}

/** Takes a place under each of the names. @throws CordonError TooManyRequests when one has none left */
function takePlaces(open: Map<string, number>, wanted: readonly (readonly [name: string, most: number])[]): () => void {
  for (const [name, most] of wanted) {
    if ((open.get(name) ?? 0) < most) continue
    throw new CordonError('TooManyRequests', 'Too many event streams are open.', { retryAfterSeconds: 5 })
  }
  for (const [name] of wanted) open.set(name, (open.get(name) ?? 0) + 1)
  let isReleased = false
  return () => {
    if (isReleased) return
    isReleased = true
    for (const [name] of wanted) {
      const left = (open.get(name) ?? 1) - 1
      if (left > 0) open.set(name, left)
      else open.delete(name)
    }
  }
}
