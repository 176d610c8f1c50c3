import type { AlertSeverity } from '../../model/generated.ts'
import { canonicalAddress } from '../addresses.ts'
import { sensorAlert } from '../content.ts'
import { deviceEvidence } from '../evidence.ts'
import { isFields, numberAt, textAt } from '../fields.ts'
import { instantOfSeconds } from '../instants.ts'
import { type IntakeContext, type Normalised, reject, type Source } from '../normalised.ts'
import { cutText, fingerprint } from '../text.ts'

/**
 * Rows of the AIT Alert Data Set: `time,name,ip,host,short` (time in seconds since 1970) and two label columns, which are never looked at.
 * Rows carry no id, and a busy sensor writes the same row several times in one second. So the provider's alert id is a hash over the five
 * columns and `occurrence`, the how-maniest equal row of its file this is (the reader counts); the same file twice gives the same ids.
 * @source Landauer, Skopik, Wurzenberger: Introducing a New Alert Data Set for Multi-Step Attack Analysis (CSET 2024)
 */
export const aitAds: Source = {
  name: 'ait-ads',
  format: 'csv',
  identifiedBy: ['time', 'name', 'ip', 'host', 'short'],
  normalise: normaliseRow,
}

function normaliseRow(raw: unknown, context: IntakeContext): Normalised {
  if (!isFields(raw)) return reject('The record must be a row or a JSON object.')
  const seconds = numberAt(raw, 'time')
  const at = seconds === null ? null : instantOfSeconds(seconds)
  if (at === null) return reject("'time' must be whole seconds since 1970.")
  const name = textAt(raw, 'name')
  const short = textAt(raw, 'short')
  const host = textAt(raw, 'host')
  if (name === null || short === null || host === null) return reject("'name', 'host' and 'short' must not be empty.")
  const ip = textAt(raw, 'ip')
  const address = canonicalAddress(ip ?? '')
  const occurrence = numberAt(raw, 'occurrence') ?? 1
  const { product, title } = splitName(name)
  const interfaces = address === null ? {} : { lastIpAddress: address, ipInterfaces: [address] }
  return sensorAlert({
    source: 'ait-ads',
    providerAlertId: fingerprint('ait', at, [seconds, name, ip, host, short, occurrence]),
    detectorId: short,
    productName: product,
    title,
    severity: severityOf(short, title),
    at,
    receivedAt: context.receivedAt,
    evidence: [deviceEvidence({ createdDateTime: at, hostName: cutText(host, 300), ...interfaces })],
    additionalData: { detector: short },
  })
}

/** `Wazuh: IDS event.` and `Suricata: Alert - ET SCAN ...`: the detector stands before the colon. */
function splitName(name: string): { product: string; title: string } {
  const parts = /^(Wazuh|Suricata|AMiner): (?:Alert - )?(.+)$/.exec(name)
  return { product: parts?.[1] ?? 'AIT-ADS', title: parts?.[2] ?? name }
}

/** Levels of Wazuh's rules by the data set's short names; the rows themselves carry none. */
const wazuhLevels: Readonly<Record<string, number>> = {
  'W-Acc-400': 5,
  'W-Acc-500': 5,
  'W-Acc-Att': 6,
  'W-Acc-Brt': 8,
  'W-Acc-Cms': 3,
  'W-Acc-Sus': 6,
  'W-All-Evt': 6,
  'W-All-Ids': 8,
  'W-All-Mul1': 10,
  'W-All-Mul2': 10,
  'W-All-Mul3': 10,
  'W-Aud-Sel': 3,
  'W-Aut-Pam1': 3,
  'W-Aut-Pam2': 5,
  'W-Aut-Pam3': 10,
  'W-Aut-Ssh1': 3,
  'W-Aut-Ssh2': 6,
  'W-Aut-Sud': 4,
  'W-Aut-Uid': 4,
  'W-Err-Fbd1': 5,
  'W-Err-Fbd2': 5,
  'W-Mai-Brt': 10,
  'W-Mai-Inv': 5,
  'W-Sys-Cav': 3,
  'W-Sys-Dov': 3,
  'W-Sys-Fai': 5,
}

/** Wazuh by its rule's level, Suricata by the kind of its signature, AMiner's anomalies low. */
function severityOf(short: string, title: string): AlertSeverity {
  if (short.startsWith('W-')) {
    const level = wazuhLevels[short] ?? 5
    if (level >= 7) return 'medium'
    return level >= 4 ? 'low' : 'informational'
  }
  if (!short.startsWith('S-')) return 'low'
  if (/^ET (SCAN|EXPLOIT|TROJAN|MALWARE|ATTACK_RESPONSE|WEB_SERVER)\b/.test(title)) return 'medium'
  return /^ET (POLICY|HUNTING|DNS)\b/.test(title) ? 'low' : 'informational'
}
