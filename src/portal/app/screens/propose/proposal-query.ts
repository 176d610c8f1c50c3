import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { withOptions } from '../../api/odata.ts'
import { nullable, type Read, readWith, record, text, truth } from '../../api/read.ts'
import { previewFields } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { bodyOf, type Draft, namesTarget } from './draft.ts'

const managed = record({ allowed: truth, by: nullable(text), reason: text, since: nullable(text) })
const proposal = record({ ...previewFields, managed })
export type Proposal = Read<typeof proposal>

/** What the server says of a draft: at once what it knows itself, then also what the target says. */
export interface DryRun {
  /** Null until the first answer. */
  readonly proposal: Proposal | null
  /** True while the target is being asked. */
  readonly isAsking: boolean
  readonly error: unknown
}

/** A pause in typing, after which the server is asked. */
const restMs = 300

/** Asks what would become of the draft, without keeping anybody from sending it. */
export function useDryRun(incidentId: string, draft: Draft): DryRun {
  const target = useRested(draft.target.trim())
  const asked = { ...draft, target, title: '', why: '' }
  const isWanted = namesTarget(draft) && target !== ''
  const known = useProposal(incidentId, asked, false, isWanted)
  const whole = useProposal(incidentId, asked, true, isWanted)
  const isOld = target !== draft.target.trim()
  return {
    proposal: isOld ? null : (whole.data ?? known.data ?? null),
    isAsking: isWanted && (isOld || whole.isPending),
    error: whole.error ?? known.error,
  }
}

function useProposal(incidentId: string, draft: Draft, asksTarget: boolean, isWanted: boolean) {
  const { api } = useApp()
  return useQuery({
    queryKey: ['preview', 'proposal', incidentId, draft.actionType, draft.target, asksTarget],
    enabled: isWanted,
    staleTime: 60_000,
    refetchOnWindowFocus: false,
    queryFn: async ({ signal }): Promise<Proposal> => {
      const path = withOptions('/api/v1/tasks/preview', asksTarget ? {} : { askTarget: 'false' })
      const body = bodyOf(draft, incidentId, 'defenderExpertsManagedResponse')
      return readWith(proposal, (await api.call('POST', path, { body, signal })).body)
    },
  })
}

/** A text once nobody has changed it for a moment; the first one at once. */
function useRested(text: string): string {
  const [rested, rest] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => rest(text), restMs)
    return () => clearTimeout(timer)
  }, [text])
  return rested
}
