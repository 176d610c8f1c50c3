import { useState } from 'react'
import { toOwnPath } from '../../api/client.ts'
import { fetchAs } from '../../api/queries.ts'
import { type AuditEntry, auditEntry, pageOf } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { offerFile } from '../../parts/offer-file.ts'
import { describeFailure } from '../../parts/states.tsx'
import { toCsv } from './csv.ts'

const page = pageOf(auditEntry)

/** Saves exactly what the filter leaves, as CSV or JSON lines, and names the number of rows and the hash of the file. */
export function ExportButton({ path }: { path: string }) {
  const { api } = useApp()
  const [says, setSays] = useState('')
  const save = async (form: 'csv' | 'jsonl'): Promise<void> => {
    try {
      const entries: AuditEntry[] = []
      for (let next: string | null = `${path}${path.includes('?') ? '&' : '?'}$top=1000`; next !== null; ) {
        const { value, nextLink }: { value: readonly AuditEntry[]; nextLink: string | null } = await fetchAs(
          api,
          next,
          page,
        )
        entries.push(...value)
        setSays(`${entries.length} rows …`)
        next = toOwnPath(nextLink)
      }
      const text = form === 'csv' ? toCsv(entries) : entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
      const bytes = new TextEncoder().encode(text)
      const hash = [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))]
        .map((byte) => byte.toString(16).padStart(2, '0'))
        .join('')
      offerFile(bytes, `audit.${form}`)
      setSays(`${entries.length} rows, SHA-256 ${hash}`)
    } catch (cause) {
      setSays(describeFailure(cause))
    }
  }
  return (
    <span className="inline-flex flex-wrap items-center gap-2">
      <button type="button" className="button" onClick={() => void save('csv')}>
        Export CSV
      </button>
      <button type="button" className="button" onClick={() => void save('jsonl')}>
        Export JSON lines
      </button>
      <span role="note" className="text-meta text-ink-2">
        {says}
      </span>
    </span>
  )
}
