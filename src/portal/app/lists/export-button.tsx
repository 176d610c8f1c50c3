import { useState } from 'react'
import { writeCount } from '../../shown/count-text.ts'
import { useApp } from '../frame/app.tsx'
import { offerFile } from '../parts/offer-file.ts'
import { describeFailure } from '../parts/states.tsx'
import { createRowCounter } from './count-rows.ts'

const types = { csv: 'text/csv', jsonl: 'application/x-ndjson' } as const

/**
 * Saves exactly what a filter leaves, as CSV or JSON lines, and names the number of rows and the hash of the file.
 * @param props.range between which instants that is, where the filter says it from now; empty without
 */
export function ExportButton({ path, name, range }: { path: string; name: string; range: string }) {
  const { api } = useApp()
  const [says, setSays] = useState('')
  const save = async (format: 'csv' | 'jsonl'): Promise<void> => {
    try {
      setSays('0 rows …')
      const from = `${path}${path.includes('?') ? '&' : '?'}format=${format}`
      const answer = await api.open(from, new AbortController().signal, types[format])
      const reader = answer.body?.getReader()
      if (reader === undefined) throw new Error('The answer has no body.')
      const countRows = createRowCounter(format)
      const chunks: Uint8Array<ArrayBuffer>[] = []
      let rows = 0
      for (;;) {
        const { value, done } = await reader.read()
        if (done) break
        chunks.push(value)
        rows = countRows(value)
        setSays(`${writeCount(rows, 'row', 'rows')} …`)
      }
      const file = new Blob(chunks)
      const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer())
      const hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
      // The name of a file takes no colon everywhere.
      offerFile(file, `${[name, range].join(' ').trim().replaceAll(':', '')}.${format}`)
      setSays(`${writeCount(rows, 'row', 'rows')}${range === '' ? '' : ` ${range}`}, SHA-256 ${hash}`)
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
