import { useMutation, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { useApp } from '../../frame/app.tsx'
import { announce } from '../../live/announce.tsx'
import { Button } from '../../parts/button.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { usePolicy } from '../policies/policy-query.ts'

const PauseManagedDialog = lazy(() => import('./pause-managed.tsx'))

/** Whether experts may act by themselves, and the customer's way to stop it. */
export function ManagedSwitch() {
  const { may, api, isAuditor } = useApp()
  const queries = useQueryClient()
  const policy = usePolicy()
  const resume = useMutation({
    mutationFn: () => api.call('POST', '/api/v1/managed-response/resume'),
    onSuccess: () => announce('Managed response is on again'),
    onSettled: () => queries.invalidateQueries({ queryKey: ['policy'] }),
  })
  if (policy.data === undefined) return null
  const { paused } = policy.data.managedResponse
  return (
    <div className="box flex flex-wrap items-center gap-3 p-3">
      <span className="font-medium">
        {paused
          ? 'Managed response is paused: experts only propose.'
          : 'Experts may act by themselves, within the consents of the policy.'}
      </span>
      {isAuditor ? null : paused ? (
        <Button
          off={resume.isPending ? 'Sending …' : may('Cordon.Admin') ? null : 'Only an admin resumes it.'}
          onPress={() => resume.mutate()}
        >
          Resume managed response
        </Button>
      ) : (
        <PauseManaged />
      )}
      {resume.isError ? <span className="text-danger">{describeFailure(resume.error)}</span> : null}
    </div>
  )
}

/** The button that asks before it pauses managed response; also on the card of a managed task. */
export function PauseManaged() {
  const { may } = useApp()
  const [isAsked, ask] = useState(false)
  const off = may('SecurityIncidentTask.TakeAction.ReadWrite.All')
    ? null
    : 'Needs a responder, an expert or an admin; an admin grants it.'
  return (
    <>
      <Button off={off} onPress={() => ask(true)}>
        Pause managed response
      </Button>
      <Suspense fallback={null}>{isAsked ? <PauseManagedDialog onClose={() => ask(false)} /> : null}</Suspense>
    </>
  )
}
