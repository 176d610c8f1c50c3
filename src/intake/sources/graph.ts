import type { Draft } from '../../model/edm.ts'
import type { Alert } from '../../model/generated.ts'
import { completeEntity, readEntity } from '../../model/graph-validate.ts'
import { earliest, latest } from '../../model/instant.ts'
import { cutDictionary, maxEvidence, ruleKey } from '../content.ts'
import { entitiesOf } from '../entities.ts'
import { isFields } from '../fields.ts'
import {
  type AlertContent,
  type IntakeContext,
  type Normalised,
  type NormalisedAlert,
  type Rejection,
  reject,
  type Source,
} from '../normalised.ts'
import { fingerprint, shortenKey } from '../text.ts'

/**
 * Alerts in the shape of Graph's alerts_v2. `title` and `severity` are required; what the server owns (id, tenant, incident, comments ...)
 * is ignored. An alert's own `providerAlertId` names it among all of the same sending application; without one it is a hash over
 * product, detector, title, times and evidence.
 * @source design contract 10 (A6) and 11
 */
export const graph: Source = { name: 'graph', format: 'json', normalise: normaliseGraph }

/** Characters of JSON above which an alert is refused; below, its dictionaries are cut. */
const maxCharacters = 262_144

function normaliseGraph(raw: unknown, context: IntakeContext): Normalised {
  if (isFields(raw) && Array.isArray(raw.evidence) && raw.evidence.length > maxEvidence) {
    return reject(`Property 'evidence' must have at most ${maxEvidence} items.`)
  }
  // A sensor cannot send the header that opts in to the members after the sentinel; they are stored and masked on the way out.
  const read = readEntity('alert', raw, 'create', { includeUnknownEnumMembers: true })
  return 'refused' in read ? reject(read.reason) : normaliseAlertBody(read.value, context)
}

/**
 * The normalised form of a body that {@link readEntity} has read as a new alert.
 * @returns a rejection when it is too large or has too much evidence
 */
export function normaliseAlertBody(body: Draft<Alert>, context: IntakeContext): NormalisedAlert | Rejection {
  if ((body.evidence?.length ?? 0) > maxEvidence) {
    return reject(`Property 'evidence' must have at most ${maxEvidence} items.`)
  }
  const content = completeContent(body, context)
  const size = JSON.stringify(content).length
  if (size > maxCharacters) return reject(`The alert must have at most ${maxCharacters} characters.`)
  const { title, productName, detectorId } = content
  const additionalData = cutDictionary(content.additionalData, size)
  return {
    source: shortenKey(`graph:${context.senderId}`, 200),
    providerAlertId: identify(body, content),
    rule: ruleKey(productName ?? content.serviceSource, detectorId ?? title ?? ''),
    content: { ...content, additionalData },
    entities: entitiesOf(content.evidence),
  }
}

function completeContent(body: Draft<Alert>, context: IntakeContext): AlertContent {
  const { severity = 'unknown', title = '' } = body
  const whole = completeEntity('alert', { ...body, id: '', severity, title }, context.receivedAt)
  const { id, tenantId, incidentId, alertWebUrl, incidentWebUrl, comments, ...shown } = whole
  const { lastUpdateDateTime, resolvedDateTime, ...content } = shown
  const created = content.createdDateTime ?? context.receivedAt
  const first = content.firstActivityDateTime ?? content.lastActivityDateTime ?? created
  const last = content.lastActivityDateTime ?? first
  return {
    ...content,
    createdDateTime: created,
    firstActivityDateTime: earliest(first, last) ?? created,
    lastActivityDateTime: latest(first, last) ?? created,
  }
}

function identify(body: Draft<Alert>, content: AlertContent): string {
  if (content.providerAlertId !== null && content.providerAlertId !== '')
    return shortenKey(content.providerAlertId, 300)
  const { productName, detectorId, title, description } = content
  // Only what the sender gave: a blank that became "now" would make every repeat another alert.
  const given = { first: body.firstActivityDateTime, last: body.lastActivityDateTime, created: body.createdDateTime }
  const times = [given.first ?? null, given.last ?? null, given.created ?? null]
  const evidence = JSON.stringify(body.evidence ?? [])
  const at = given.last ?? given.first ?? given.created ?? '1970-01-01T00:00:00.0000000Z'
  return fingerprint('graph', at, [productName, detectorId, title, description, ...times, evidence])
}
