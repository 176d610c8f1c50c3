import { useMutation, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { useApp } from '../../frame/app.tsx'
import { Button } from '../../parts/button.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { usePolicy } from '../policies/policy-query.ts'

const PauseDialog = lazy(() => import('./pause.tsx'))

/** The kill switch: whether anything is handed over at all, and the way to stop it. */
export function DispatchSwitch() {
  const { may, api, isAuditor } = useApp()
  const queries = useQueryClient()
  const policy = usePolicy()
  const [isAsked, ask] = useState(false)
  const resume = useMutation({
    mutationFn: () => api.call('POST', '/api/v1/dispatch/resume'),
    onSettled: () => queries.invalidateQueries({ queryKey: ['policy'] }),
  })
  if (policy.data === undefined) return null
  const { paused, reason } = policy.data.dispatch
  const off = may('Cordon.Admin') ? null : 'Only an admin may.'
  return (
    <div className="box flex flex-wrap items-center gap-3 p-3">
      <span className="font-medium">
        {paused ? `Dispatch is paused: ${reason ?? 'no reason given'}` : 'Actions are handed over to their targets.'}
      </span>
      {isAuditor ? null : paused ? (
        <Button kind="primary" off={resume.isPending ? 'Sending …' : off} onPress={() => resume.mutate()}>
          Resume dispatch
        </Button>
      ) : (
        <Button off={off} onPress={() => ask(true)}>
          Pause all dispatch
        </Button>
      )}
      {resume.isError ? <span className="text-danger">{describeFailure(resume.error)}</span> : null}
      <Suspense fallback={null}>{isAsked ? <PauseDialog onClose={() => ask(false)} /> : null}</Suspense>
    </div>
  )
}
