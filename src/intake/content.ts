import type { AlertEvidence } from '../model/generated.ts'
import { completeEntity } from '../model/graph-validate.ts'
import { entitiesOf } from './entities.ts'
import { copyable } from './evidence.ts'
import type { AlertContent, NormalisedAlert } from './normalised.ts'
import { cutText, shortenKey } from './text.ts'

/** Most evidence items one alert may have; more is refused. */
export const maxEvidence = 100

/** What the JSON of an alert aims at, in characters; long texts are cut until it fits. */
const aimedCharacters = 20_000

const blank: AlertContent = blankContent()

function blankContent(): AlertContent {
  const at = '1970-01-01T00:00:00.0000000Z'
  const whole = completeEntity('alert', { id: '', severity: 'unknown', title: '' }, at)
  const { id, tenantId, incidentId, alertWebUrl, incidentWebUrl, comments, ...content } = whole
  const { lastUpdateDateTime, resolvedDateTime, ...sensors } = content
  return copyable({ ...sensors, createdDateTime: at, firstActivityDateTime: at, lastActivityDateTime: at })
}

/** What a sensor's alert says beside the blanks. */
export interface SensorAlert {
  readonly source: string
  readonly providerAlertId: string
  /** The sensor's id of its rule. */
  readonly detectorId: string
  readonly productName: string
  readonly title: string
  readonly severity: AlertContent['severity']
  /** 7-digit instant of the event. */
  readonly at: string
  readonly receivedAt: string
  readonly description?: string | null
  readonly categories?: readonly string[]
  readonly mitreTechniques?: readonly string[]
  readonly systemTags?: readonly string[]
  readonly threatFamilyName?: string | null
  readonly evidence: readonly AlertEvidence[]
  readonly additionalData: Readonly<Record<string, string | number>>
}

/**
 * An alert of a sensor that is no Microsoft product: `serviceSource` unknown, the product and the rule by name.
 * @source design contract 11
 */
export function sensorAlert(alert: SensorAlert): NormalisedAlert {
  const content: AlertContent = {
    ...blank,
    providerAlertId: alert.providerAlertId,
    detectorId: cutText(alert.detectorId, 300),
    status: 'new',
    severity: alert.severity,
    serviceSource: 'unknown',
    productName: alert.productName,
    title: cutText(alert.title, 1_000),
    description: alert.description == null ? null : cutText(alert.description, 4_000),
    category: alert.categories?.[0] ?? null,
    categories: alert.categories ?? [],
    mitreTechniques: alert.mitreTechniques ?? [],
    systemTags: alert.systemTags ?? [],
    threatFamilyName: alert.threatFamilyName ?? null,
    createdDateTime: alert.receivedAt,
    firstActivityDateTime: alert.at,
    lastActivityDateTime: alert.at,
    evidence: alert.evidence,
    additionalData: alert.additionalData,
  }
  return {
    source: shortenKey(alert.source, 200),
    providerAlertId: alert.providerAlertId,
    rule: ruleKey(alert.productName, `${alert.detectorId} ${alert.title}`),
    content,
    entities: entitiesOf(alert.evidence),
  }
}

/** Tells rules of all products apart: the product and what it calls its rule. */
export function ruleKey(product: string, name: string): string {
  return shortenKey(`${product}: ${name}`.toLowerCase(), 300)
}

/**
 * Cuts the long texts of a dictionary, longest first, until the alert's JSON is near {@link aimedCharacters}. Evidence is never cut.
 * @param size characters of the alert's JSON as it stands
 */
export function cutDictionary(
  dictionary: Readonly<Record<string, unknown>>,
  size: number,
): Readonly<Record<string, unknown>> {
  let excess = size - aimedCharacters
  if (excess <= 0) return dictionary
  const cut: Record<string, unknown> = { ...dictionary }
  const bySize = Object.entries(dictionary)
    .map(([name, value]) => ({ name, text: typeof value === 'string' ? value : JSON.stringify(value) }))
    .sort((a, b) => b.text.length - a.text.length)
  for (const { name, text } of bySize) {
    if (excess <= 0 || text.length <= 200) break
    const kept = cutText(text, Math.max(200, text.length - excess))
    excess -= text.length - kept.length
    cut[name] = kept
  }
  return cut
}
