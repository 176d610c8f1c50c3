import { readDateTime } from '../../../model/edm.ts'
import { CordonError } from '../../../model/errors.ts'
import type { BoundFilter } from '../../../model/query.ts'
import type { SubscriptionDraft } from '../../../notify/subscribe.ts'
import { changeTypes } from '../../../notify/subscription.ts'
import type { WatchedKind } from '../../../store/changes.ts'
import { noPreferences } from '../../odata/prefer.ts'
import { readCountQuery } from '../../odata/read-query.ts'
import type { ResourceDescription } from '../../odata/resource.ts'
import { describeAlerts, describeIncidents, describeTasks } from '../../odata/resources.ts'

/** @source design contract 19.1 (entity) */
const declared = new Set([
  'id',
  'resource',
  'changeType',
  'notificationUrl',
  'expirationDateTime',
  'clientState',
  'lifecycleNotificationUrl',
  'applicationId',
  'creatorId',
  'latestSupportedTlsVersion',
  'notificationQueryOptions',
  'includeResourceData',
  'encryptionCertificate',
  'encryptionCertificateId',
  'notificationUrlAppId',
])
const maxClientState = 128
const maxResource = 4096
const tlsVersions = ['v1_0', 'v1_1', 'v1_2', 'v1_3']
const typeName = /^#?microsoft\.graph\.subscription$/

type Body = Readonly<Record<string, unknown>>

/**
 * Reads the body of POST /subscriptions.
 * @throws CordonError BadRequest naming the property
 */
export function readSubscriptionDraft(body: unknown): SubscriptionDraft {
  const given = readDeclared(body)
  for (const name of ['includeResourceData', 'notificationQueryOptions']) {
    const value = given[name]
    if (value !== undefined && value !== null && value !== false) throw bad(name, `Property '${name}' is not offered.`)
  }
  return {
    ...readWatched(readText(given, 'resource', maxResource)),
    changeType: readChangeTypes(readText(given, 'changeType', 100)),
    notificationUrl: readText(given, 'notificationUrl', Number.POSITIVE_INFINITY),
    lifecycleUrl: readOptional(given, 'lifecycleNotificationUrl', Number.POSITIVE_INFINITY),
    clientState: readOptional(given, 'clientState', maxClientState),
    tlsVersion: readTlsVersion(given),
    expiresAt: readExpiry(given.expirationDateTime),
  }
}

/** What a PATCH may change, and what it says of a property that may not be. */
export interface SubscriptionPatch {
  readonly expiresAt?: string
  readonly notificationUrl?: string
  readonly lifecycleUrl: string | null
}

/**
 * Reads the body of PATCH /subscriptions/{id}. Declared properties that cannot be changed are passed over, as in every PATCH.
 * @throws CordonError BadRequest naming the property
 */
export function readSubscriptionPatch(body: unknown): SubscriptionPatch {
  const given = readDeclared(body)
  const { expirationDateTime, notificationUrl } = given
  return {
    ...(expirationDateTime === undefined ? {} : { expiresAt: readExpiry(expirationDateTime) }),
    ...(notificationUrl === undefined
      ? {}
      : { notificationUrl: readText(given, 'notificationUrl', Number.POSITIVE_INFINITY) }),
    lifecycleUrl: readOptional(given, 'lifecycleNotificationUrl', Number.POSITIVE_INFINITY),
  }
}

function readDeclared(body: unknown): Body {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new CordonError('BadRequest', 'The request body must be a JSON object.')
  }
  const given: Body = { ...body }
  for (const [name, value] of Object.entries(given)) {
    if (name === '@odata.type' && !(typeof value === 'string' && typeName.test(value))) {
      throw bad(name, "'@odata.type' must be microsoft.graph.subscription.")
    }
    if (!name.includes('@') && !declared.has(name)) {
      const shown = name.slice(0, 100)
      throw bad(shown, `Property '${shown}' does not exist on type 'microsoft.graph.subscription'.`)
    }
  }
  return given
}

function readText(given: Body, name: string, maxLength: number): string {
  const value = given[name]
  if (typeof value !== 'string' || value === '') throw bad(name, `Property '${name}' must be a string and not empty.`)
  if (value.length > maxLength) throw bad(name, `Property '${name}' may have at most ${maxLength} characters.`)
  return value
}

function readOptional(given: Body, name: string, maxLength: number): string | null {
  const value = given[name]
  return value === undefined || value === null || value === '' ? null : readText(given, name, maxLength)
}

function readTlsVersion(given: Body): string {
  const value = readOptional(given, 'latestSupportedTlsVersion', 20) ?? 'v1_2'
  if (tlsVersions.includes(value)) return value
  throw bad(
    'latestSupportedTlsVersion',
    `Property 'latestSupportedTlsVersion' must be one of ${tlsVersions.join(', ')}.`,
  )
}

function readChangeTypes(text: string): string {
  const names = text.split(',').map((name) => name.trim().toLowerCase())
  const known = changeTypes.filter((type) => names.includes(type))
  if (new Set(names).size === known.length && names.length === known.length) return known.join(',')
  throw bad('changeType', `Property 'changeType' must be a comma list of ${changeTypes.join(', ')}.`)
}

function readExpiry(value: unknown): string {
  const instant = typeof value === 'string' ? readDateTime(value) : null
  if (instant !== null) return instant
  throw bad(
    'expirationDateTime',
    "Property 'expirationDateTime' must be a date and time with its offset, such as 2026-01-02T03:04:05Z.",
  )
}

const resourceForm =
  /^\/?security\/(incidents|alerts_v2|incidenttasks)(?:\/([^/?#()]+)|\((?:'|%27)([^/?#()']+)(?:'|%27)\))?(?:\?([^#]*))?$/i

interface Watched extends Pick<SubscriptionDraft, 'resource' | 'watched' | 'objectId'> {
  readonly filter: BoundFilter | null
}

/** What a resource text watches: a collection or one member of it, with `$filter` and no other option. */
function readWatched(resource: string): Watched {
  const parts = resourceForm.exec(resource)
  if (parts === null) {
    throw bad(
      'resource',
      "Property 'resource' must be security/incidents, security/alerts_v2 or security/incidentTasks, or one member of these.",
    )
  }
  const [, collection = '', plain, quoted, rawQuery = ''] = parts
  const { watched, describe } = describeWatched(collection.toLowerCase())
  const key = plain ?? quoted
  return {
    resource,
    watched,
    objectId: key === undefined ? null : decodeKey(key),
    filter: readCountQuery(rawQuery, describe, noPreferences),
  }
}

function describeWatched(collection: string): {
  readonly watched: WatchedKind
  readonly describe: ResourceDescription
} {
  if (collection === 'incidents') return { watched: 'incident', describe: describeIncidents('beta') }
  if (collection === 'alerts_v2') return { watched: 'alert', describe: describeAlerts('beta') }
  return { watched: 'incidentTask', describe: describeTasks() }
}

function decodeKey(key: string): string {
  try {
    const decoded = decodeURIComponent(key)
    if (!decoded.includes('\0')) return decoded
  } catch {
    // Reported below, as every id that cannot be one.
  }
  throw bad('resource', "Property 'resource' holds a broken percent escape.")
}

function bad(target: string, message: string): CordonError {
  return new CordonError('BadRequest', message, { target })
}
