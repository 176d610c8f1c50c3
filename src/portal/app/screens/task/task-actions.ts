import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { Confirmation } from '../../../../model/safety/policy.ts'
import { incidentApi, taskApi } from '../../api/queries.ts'
import type { Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { alarm, announce } from '../../live/announce.tsx'
import { describeFailure } from '../../parts/states.tsx'

/** One press of a button: what it does, the words a person gave for it, and the id that makes a second press the same one. */
export interface Press {
  readonly kind: 'run' | 'cancel' | 'undo' | 'decide' | 'status'
  readonly requestId: string
  /** Typed by the person; becomes a comment on the incident. Empty for none. */
  readonly reason: string
  /** The new status, or the decided outcome. */
  readonly value?: string
  /** How a run was confirmed; stands in the audit log. */
  readonly confirmation?: Confirmation
}

/** Carries out what was pressed on a task, then reads anew what it may have changed. */
export function useTaskPress(task: Task) {
  const { api } = useApp()
  const queries = useQueryClient()
  const incidentId = task.incident?.id ?? ''
  return useMutation({
    mutationFn: async (press: Press) => {
      const headers = { 'client-request-id': press.requestId }
      const own = `/api/v1/tasks/${encodeURIComponent(task.id)}`
      switch (press.kind) {
        case 'run':
          await api.call('POST', `${taskApi(task.id)}/executeResponseAction`, {
            headers: { ...headers, 'Cordon-Confirmation': press.confirmation ?? 'pressed' },
          })
          break
        case 'cancel':
        case 'undo':
          await api.call('POST', `${own}/${press.kind}`, { headers })
          break
        case 'decide':
          await api.call('POST', `${own}/decide`, { body: { outcome: press.value, reason: press.reason }, headers })
          return
        case 'status':
          await api.call('PATCH', taskApi(task.id), { body: { status: press.value }, headers })
          break
      }
      // After the fact, so that no comment speaks of something that was refused.
      if (press.reason !== '') {
        const body = {
          comment: `${task.displayName}: ${press.kind === 'status' ? press.value : press.kind}. ${press.reason}`,
        }
        await api.call('POST', `${incidentApi(incidentId)}/comments`, { body })
      }
    },
    onSuccess: (_nothing, press) => announce(`${task.displayName}: ${press.kind} accepted`),
    onError: (cause) => alarm(`${task.displayName}: ${describeFailure(cause)}`),
    onSettled: () => {
      for (const queryKey of [
        ['tasks'],
        ['task', task.id],
        ['executions', task.id],
        ['preview', task.id],
        ['incident', incidentId],
      ]) {
        void queries.invalidateQueries({ queryKey })
      }
    },
  })
}
