import { useState } from 'react'
import { describeCard } from '../../../shown/card-state.ts'
import type { Incident, Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Name } from '../../parts/badges.tsx'
import { TaskFace } from '../task/task-face.tsx'
import { type Draft, namesTarget, writeDescription } from './draft.ts'
import type { Proposal } from './proposal-query.ts'

/** The card as the customer gets it, while it is being written. */
export function CustomerView(props: { draft: Draft; incident: Incident; proposal: Proposal | null }) {
  const { draft, incident, proposal } = props
  const { session } = useApp()
  const [now] = useState(() => new Date().toISOString())
  const task: Task = {
    id: '',
    displayName: draft.title,
    description: writeDescription(draft),
    status: 'open',
    actionStatus: 'notStarted',
    actionType: draft.actionType,
    source: 'defenderExpertsGuidedResponse',
    createdByDisplayName: session.user.name,
    createdDateTime: now,
    lastModifiedByDisplayName: session.user.name,
    lastModifiedDateTime: now,
    responseAction: namesTarget(draft) ? { identifierValue: draft.target } : null,
    incident: { id: incident.id },
  }
  const obstacle = proposal === null || proposal.answer.accepted ? null : proposal.answer.message
  return (
    <section aria-label="This is what the customer will see" className="mt-4">
      <h3 className="font-semibold">This is what the customer will see</h3>
      <div className="box mt-2 p-4">
        <TaskFace task={task}>
          <h4 className="font-semibold">
            <Name>{draft.title || 'no title yet'}</Name>
          </h4>
        </TaskFace>
        <p className="mt-2 font-medium">{describeCard(task, [], obstacle).says}</p>
      </div>
    </section>
  )
}
