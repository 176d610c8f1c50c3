import { useQuery } from '@tanstack/react-query'
import { fetchAs } from '../../api/queries.ts'
import { anything, listOf, map, nullable, number, type Read, record, text } from '../../api/read.ts'
import { executionFields } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'

const run = record({
  ...executionFields,
  parameters: map,
  taskDisplayName: text,
  incidentId: text,
  steps: listOf(record({ at: text, state: text, by: text, code: nullable(text), reason: nullable(text) })),
  orders: listOf(
    record({
      id: text,
      deviceId: text,
      hostName: text,
      state: text,
      createdAt: text,
      deliveredAt: nullable(text),
      acknowledgedAt: nullable(text),
      finishedAt: nullable(text),
      request: anything,
      response: anything,
    }),
  ),
  orderCount: number,
})
/** One run or undo with its steps, and what went to each host and came back. */
export type WholeRun = Read<typeof run>

/** What became of one of the things a run acts on. */
export const targetOutcome = record({
  ref: text,
  displayName: text,
  state: text,
  code: nullable(text),
  detail: nullable(text),
})

/** One run, read anew whenever a run changes. */
export function useRun(id: string) {
  const { api } = useApp()
  return useQuery({
    queryKey: ['executions', 'whole', id],
    queryFn: ({ signal }) => fetchAs(api, `/api/v1/executions/${encodeURIComponent(id)}`, run, signal),
  })
}
