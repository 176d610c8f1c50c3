import { useQuery } from '@tanstack/react-query'
import { listOf, map, nullable, number, type Read, readWith, record, text, truth } from '../../api/read.ts'
import { useApp } from '../../frame/app.tsx'

const policy = record({
  version: number,
  lastModifiedDateTime: nullable(text),
  dispatch: record({ paused: truth, reason: nullable(text) }),
  protectedAssets: listOf(map),
  assetGroups: listOf(map),
  budgets: listOf(map),
  fourEyes: record({ rules: listOf(map), approvalHours: nullable(number) }),
  signIn: record({ freshMinutes: nullable(number) }),
  confirmation: record({ holdOnPhones: truth }),
  managedResponse: record({ paused: truth, excluded: listOf(map), consent: listOf(map) }),
})

/** The policy: what the portal explains of it, the whole document, and the version a change must name. */
export interface WholePolicy extends Read<typeof policy> {
  readonly document: Readonly<Record<string, unknown>>
  readonly etag: string | null
}

/** Members of the answer that are about the document and no part of it. */
const about = new Set(['version', 'lastModifiedDateTime', 'lastModifiedBy'])

/** The tenant's safety policy. */
export function usePolicy() {
  const { api } = useApp()
  return useQuery({
    queryKey: ['policy'],
    queryFn: async ({ signal }): Promise<WholePolicy> => {
      const { body, etag } = await api.call('GET', '/api/v1/policies', { signal })
      const document = Object.fromEntries(Object.entries(readWith(map, body)).filter(([name]) => !about.has(name)))
      return { ...readWith(policy, body), document, etag }
    },
  })
}
