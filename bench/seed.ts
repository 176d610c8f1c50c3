import { instantOf } from '../src/io/clock.ts'
import type { AlertSeverity, IncidentStatus } from '../src/model/generated.ts'
import { completeEntity } from '../src/model/graph-validate.ts'
import { insertAlerts, type StoredAlert } from '../src/store/alerts.ts'
import type { Store } from '../src/store/db.ts'
import { allocateIncidentIds, insertIncidents, type StoredIncident } from '../src/store/incidents.ts'
import { chunksOf } from '../src/store/record.ts'
import { seededRandom } from './random.ts'

const startMs = Date.parse('2026-01-05T00:00:00Z')
const severities: readonly AlertSeverity[] = ['informational', 'low', 'medium', 'high']
const statuses: readonly IncidentStatus[] = ['active', 'active', 'inProgress', 'resolved']
const alertsPerIncident = 3

/** Ids of seeded incidents, all of them and the active ones. */
export interface Seeded {
  readonly incidentIds: readonly string[]
  readonly activeIds: readonly string[]
}

/** Fills a store with incidents of three alerts each, the same on every run. */
export async function seedIncidents(store: Store, tenantId: string, count: number): Promise<Seeded> {
  const random = seededRandom(7)
  const seeded: StoredIncident[] = []
  for (const chunk of chunksOf(Array.from({ length: count }), 500)) {
    await store.transaction(async (tx) => {
      const allocated = await allocateIncidentIds(tx, chunk.length)
      const incidents = allocated.map((id) => makeIncident(tenantId, id, random))
      await insertIncidents(tx, incidents)
      await insertAlerts(
        tx,
        allocated.flatMap((id) => makeAlerts(tenantId, id, random)),
      )
      seeded.push(...incidents)
    })
  }
  return {
    incidentIds: seeded.map(({ doc }) => doc.id),
    activeIds: seeded.filter(({ doc }) => doc.status === 'active').map(({ doc }) => doc.id),
  }
}

function pick<T>(items: readonly T[], random: () => number): T {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new TypeError('nothing to pick from')
  return item
}

function makeIncident(tenantId: string, id: string, random: () => number): StoredIncident {
  const at = instantOf(startMs + Number(id) * 60_000)
  const { incidentWebUrl: _, ...doc } = completeEntity(
    'incident',
    {
      id,
      tenantId,
      displayName: `Multi-stage incident involving initial access and lateral movement on web-${id}`,
      status: pick(statuses, random),
      severity: pick(severities, random),
      customTags: ['finance', `site-${Math.floor(random() * 40)}`],
      systemTags: [],
      priorityScore: Math.floor(random() * 100),
      createdDateTime: at,
      lastUpdateDateTime: at,
    },
    at,
  )
  return {
    doc,
    firstActivityAt: at,
    lastActivityAt: at,
    alertCount: alertsPerIncident,
    personSet: [],
    version: 0,
  }
}

function makeAlerts(tenantId: string, incidentId: string, random: () => number): StoredAlert[] {
  return Array.from({ length: alertsPerIncident }, (_, index) => {
    const at = instantOf(startMs + Number(incidentId) * 60_000 + index * 1_000)
    const id = `cd${incidentId.padStart(12, '0')}${index}`
    const {
      alertWebUrl: _alertLink,
      incidentWebUrl: _incidentLink,
      incidentId: _incident,
      ...doc
    } = completeEntity(
      'alert',
      {
        id,
        tenantId,
        providerAlertId: id,
        title: 'Suspicious PowerShell command line',
        description: 'A process started with a command line that attackers use to hide what they run.',
        category: 'Execution',
        mitreTechniques: ['T1059.001', 'T1105'],
        severity: pick(severities, random),
        status: 'new',
        serviceSource: 'unknown',
        createdDateTime: at,
        lastUpdateDateTime: at,
        firstActivityDateTime: at,
        lastActivityDateTime: at,
        evidence: [
          {
            '@odata.type': '#microsoft.graph.security.deviceEvidence',
            createdDateTime: at,
            hostName: `web-${incidentId}`,
            deviceDnsName: `web-${incidentId}.example.com`,
            tags: [],
          },
          {
            '@odata.type': '#microsoft.graph.security.ipEvidence',
            createdDateTime: at,
            ipAddress: `198.51.100.${Math.floor(random() * 250)}`,
          },
        ],
      },
      at,
    )
    return { doc, incidentId, source: 'bench', providerAlertId: id, version: 0 }
  })
}
