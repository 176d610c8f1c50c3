import { useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { offBecause } from '../../../shown/card-state.ts'
import type { Incident, Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { screenPath } from '../../paths.ts'
import { Acknowledge, canAcknowledge, useAttention } from './attention.tsx'

const ConfirmDialog = lazy(() => import('../task/confirm.tsx'))

/** On a phone, what one thumb reaches: take the incident on, run what waits, or leave it. */
export function HandBar({ incident, pending }: { incident: Incident; pending: Task | null }) {
  const { session, may } = useApp()
  const navigate = useNavigate()
  const held = useAttention(incident.id)
  const [isAsking, ask] = useState(false)
  if (pending === null && !canAcknowledge(incident, held.data, session.user.name)) return null
  const rights = {
    execute: may('SecurityIncidentTask.TakeAction.ReadWrite.All'),
    write: may('SecurityIncidentTask.ReadWrite.All'),
    expert: may('Cordon.Expert'),
    approve: may('Cordon.Approve'),
  }
  const off = pending?.actionType === 'text' ? 'A task for people.' : offBecause('run', rights)
  return (
    <section
      aria-label="At hand"
      data-hand-bar
      className="fixed [@media(max-height:480px)]:static inset-x-0 bottom-0 z-30 flex flex-wrap gap-2 border-t border-line bg-surface p-2 pb-[max(0.5rem,env(safe-area-inset-bottom))] [&_button]:min-h-11 [&_button]:min-w-24"
    >
      <Acknowledge incident={incident} />
      {pending === null ? null : (
        <Button kind="primary" label={`Run: ${pending.displayName}`} off={off} onPress={() => ask(true)}>
          {/* It says what it is about: the card above may be of another task. */}
          <span className="max-w-40 truncate">
            <Name>{pending.displayName}</Name>
          </span>
        </Button>
      )}
      <Button onPress={() => void navigate({ href: screenPath(session.tenant.id, 'incidents') })}>Not now</Button>
      <Suspense fallback={null}>
        {isAsking && pending !== null ? <ConfirmDialog task={pending} action="run" onClose={() => ask(false)} /> : null}
      </Suspense>
    </section>
  )
}
