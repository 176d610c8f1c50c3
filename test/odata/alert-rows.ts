import { enumMember } from '../../src/model/edm.ts'
import { enums } from '../../src/model/generated.ts'
import type { KeyValue } from '../../src/model/query.ts'
import type { Store } from '../../src/store/db.ts'
import type { AlertRow } from '../../src/store/schema.ts'
import { fc } from '../support/fast-check.ts'
import { sampleInstants, sampleTexts } from './arbitraries.ts'
import type { Row, Traits } from './evaluate.ts'

export const tenant = 'tenant-1'

/** What is special about comparing these properties of an alert. */
export const alertTraits: Traits = { caseInsensitive: ['assignedTo'], digits: ['incidentId'] }

const text = fc.constantFrom(...sampleTexts)
const optionalText = fc.option(text, { freq: 3 })
const instant = fc.constantFrom(...sampleInstants)
const optionalInstant = fc.option(instant, { freq: 3 })

const randomRow: fc.Arbitrary<Omit<Row, 'id'>> = fc
  .record({
    scalars: fc.record<Record<string, KeyValue>>({
      incidentId: fc.constantFrom('2', '9', '10', '100'),
      severity: fc.constantFrom(0, 32, 64, 128, 256),
      status: fc.constantFrom(2, 4, 8),
      classification: fc.constantFrom(null, 0, 20),
      serviceSource: fc.constantFrom(0, 1, 128, 512, 4096),
      investigationState: fc.constantFrom(null, 0, 2, 32),
      title: optionalText,
      category: optionalText,
      assignedTo: optionalText,
      productName: optionalText,
      createdDateTime: instant,
      firstActivityDateTime: optionalInstant,
      resolvedDateTime: optionalInstant,
    }),
    lists: fc.record({
      systemTags: fc.array(text, { maxLength: 3 }),
      comments: fc.array(fc.record({ comment: optionalText, createdByDisplayName: optionalText }), { maxLength: 2 }),
    }),
    evidence: fc.subarray([
      { type: 'deviceEvidence', property: 'hostName', value: 'h1' },
      { type: 'deviceEvidence', property: 'hostName', value: 'h2' },
      { type: 'fileEvidence', property: 'fileDetails/sha1', value: 's1' },
    ]),
  })
  .map((row) => row)

/** `count` random alerts with ids of their own, the same for the same seed. */
export function randomRows(count: number, seed: number): Row[] {
  return fc.sample(randomRow, { numRuns: count, seed }).map((row, index) => ({
    ...row,
    scalars: { ...row.scalars, id: `${(index * 37) % 100}-${index}` },
  }))
}

/** Stores the rows as alerts of {@link tenant}. */
export async function storeRows(store: Store, rows: readonly Row[]): Promise<void> {
  await store.transaction(async (tx) => {
    await tx.insertInto('alerts').values(rows.map(toAlertRow)).execute()
  })
}

function toAlertRow(row: Row): AlertRow {
  const { scalars } = row
  const state = numberAt(row, 'investigationState')
  const doc = {
    productName: scalars.productName,
    investigationState: state === null ? null : enumMember(enums.investigationState, state),
    resolvedDateTime: scalars.resolvedDateTime,
    ...row.lists,
    evidence: row.evidence.map(({ type, property, value }) => ({
      '@odata.type': `#microsoft.graph.security.${type}`,
      ...(property.split('/').reduceRight<object | string>((inner, name) => ({ [name]: inner }), value) as object),
    })),
  }
  return {
    tenant_id: tenant,
    id: String(scalars.id),
    incident_id: Number(scalars.incidentId),
    source: 'test',
    provider_alert_id: String(scalars.id),
    status: numberAt(row, 'status') ?? 0,
    severity: numberAt(row, 'severity') ?? 0,
    classification: numberAt(row, 'classification'),
    determination: null,
    service_source: numberAt(row, 'serviceSource') ?? 0,
    detection_source: null,
    category: textAt(row, 'category'),
    title: textAt(row, 'title'),
    assigned_to: textAt(row, 'assignedTo'),
    created_at: String(scalars.createdDateTime),
    updated_at: String(scalars.createdDateTime),
    first_activity_at: textAt(row, 'firstActivityDateTime'),
    last_activity_at: null,
    hidden: 0,
    version: 1,
    doc: JSON.stringify(doc),
  }
}

function numberAt(row: Row, name: string): number | null {
  const value = row.scalars[name]
  return typeof value === 'number' ? value : null
}

function textAt(row: Row, name: string): string | null {
  const value = row.scalars[name]
  return typeof value === 'string' ? value : null
}
