import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { incidentApi, useIncidentAlerts } from '../../api/queries.ts'
import type { Incident, Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { useCommands } from '../../keys/bindings.ts'
import { Badge, Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { listMoments } from './timeline.ts'

const lanes = { alert: 'Alert', action: 'Action', person: 'Person' } as const

/** What happened, newest first, and a place to add to it. */
export function ActivityTab({ incident, tasks }: { incident: Incident; tasks: readonly Task[] }) {
  const alerts = useIncidentAlerts(incident.id)
  const { isAuditor } = useApp()
  const moments = listMoments(incident, alerts.data?.value ?? [], tasks)
  return (
    <div className="space-y-4">
      {isAuditor ? null : <CommentForm id={incident.id} />}
      <ol aria-label="Timeline" className="space-y-2">
        {moments.map(({ key, at, lane, text, by }) => (
          <li key={key} className="flex flex-wrap items-baseline gap-x-3 border-s-2 border-line ps-3">
            <span className="text-meta text-ink-2">
              <Time at={at} exact />
            </span>
            <Badge tone={lane === 'action' ? 'low' : 'quiet'}>{lanes[lane]}</Badge>
            <span className="max-w-[72ch] whitespace-pre-wrap">
              <Name>{text}</Name>
            </span>
            {by === '' ? null : (
              <span className="text-meta text-ink-2">
                <Name>{by}</Name>
              </span>
            )}
          </li>
        ))}
      </ol>
    </div>
  )
}

function CommentForm({ id }: { id: string }) {
  const { api, may } = useApp()
  const queries = useQueryClient()
  const field = useRef<HTMLTextAreaElement>(null)
  const [text, setText] = useState('')
  useCommands({ comment: () => field.current?.focus() })
  const send = useMutation({
    mutationFn: () => api.call('POST', `${incidentApi(id)}/comments`, { body: { comment: text.trim() } }),
    onSuccess: () => {
      setText('')
      void queries.invalidateQueries({ queryKey: ['incident', id] })
    },
  })
  const off = !may('SecurityIncident.ReadWrite.All')
    ? 'Needs a responder, an expert or an admin.'
    : send.isPending
      ? 'Sending …'
      : text.trim() === ''
        ? 'Write something first.'
        : null
  return (
    <div className="max-w-[72ch]">
      <label className="block">
        Comment
        <textarea
          ref={field}
          className="field"
          rows={3}
          value={text}
          maxLength={1_000}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      {send.isError ? (
        <p role="alert" className="text-danger">
          {describeFailure(send.error)}
        </p>
      ) : null}
      <div className="mt-2">
        <Button kind="primary" off={off} onPress={() => send.mutate()}>
          Add the comment
        </Button>
      </div>
    </div>
  )
}
