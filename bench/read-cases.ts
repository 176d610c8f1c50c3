import type { Row } from './report.ts'
import type { ReadCase } from './requests.ts'

/** A kind of read of the bench and what is wanted of it. */
export interface TargetedCase extends ReadCase {
  readonly target?: Row['target']
}

const incidents = '/v1.0/security/incidents'
const active = '$filter=status%20eq%20%27active%27&$top=50'
const itemsPerBatch = 20

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function requireThat(holds: boolean, path: string): void {
  if (!holds) throw new Error(`${path}: not the answer that is wanted`)
}

/** Requires a list of so many items, each of which is as it should be. */
function checkItems(name: 'value' | 'responses', count: number, check: (item: Record<string, unknown>) => boolean) {
  return (path: string, body: unknown): void => {
    const items: unknown = isRecord(body) ? body[name] : null
    const isRight =
      Array.isArray(items) && items.length === count && items.every((item) => isRecord(item) && check(item))
    requireThat(isRight, path)
  }
}

const checkActive = checkItems('value', 50, (item) => item.status === 'active')

/** The reads that are measured. @param ids incidents that exist */
export function readCases(ids: readonly string[]): TargetedCase[] {
  return [
    {
      name: 'incident by key',
      paths: ids.map((id) => `${incidents}/${id}`),
      check: (path, body) => requireThat(isRecord(body) && path.endsWith(`/${body.id}`), path),
      target: { of: 'ratio', least: 0.4 },
    },
    {
      // More paths than are remembered, told apart by an option that is ignored.
      name: 'incident by key, asked anew',
      paths: ids.flatMap((id) => Array.from({ length: 12 }, (_, n) => `${incidents}/${id}?n=${n}`)),
      check: (path, body) => requireThat(isRecord(body) && path.startsWith(`${incidents}/${body.id}?`), path),
    },
    {
      name: 'filtered list of 50',
      paths: [`${incidents}?${active}`],
      check: checkActive,
      target: { of: 'ratio', least: 0.3 },
    },
    {
      // Each request differs in an option that is ignored, so that no remembered answer serves it.
      name: 'the same, asked anew each time',
      paths: Array.from({ length: 500 }, (_, at) => `${incidents}?${active}&n=${at}`),
      check: checkActive,
    },
    {
      name: 'list of 50 with alerts',
      paths: [`${incidents}?$expand=alerts&$top=50`],
      check: checkItems('value', 50, (item) => Array.isArray(item.alerts)),
    },
    {
      // Its answer is too long to be remembered.
      name: 'filter and expand',
      paths: [`${incidents}?${active}&$expand=alerts($filter=status%20eq%20%27new%27)`],
      check: checkItems('value', 50, (item) => item.status === 'active' && Array.isArray(item.alerts)),
    },
    {
      name: `$batch of ${itemsPerBatch}`,
      paths: ['/v1.0/$batch'],
      bodies: makeBatches(ids),
      check: checkItems('responses', itemsPerBatch, (item) => item.status === 200),
    },
  ]
}

/** Batches of look-ups by key, no incident twice. */
function makeBatches(ids: readonly string[]): string[] {
  return Array.from({ length: Math.floor(ids.length / itemsPerBatch) }, (_, batch) => {
    const chosen = ids.slice(batch * itemsPerBatch, (batch + 1) * itemsPerBatch)
    const requests = chosen.map((id, at) => ({ id: String(at + 1), method: 'GET', url: `/security/incidents/${id}` }))
    return JSON.stringify({ requests })
  })
}
