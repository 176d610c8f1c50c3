import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { incidentApi } from '../../api/queries.ts'
import { ApiError } from '../../api/session.ts'
import type { Incident } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Button } from '../../parts/button.tsx'
import { DialogButtons, Modal } from '../../parts/modal.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { classifications, determinations } from './judgements.ts'

const choices = [
  ['status', ['active', 'inProgress', 'resolved']],
  ['severity', ['unknown', 'informational', 'low', 'medium', 'high']],
  ['classification', classifications],
  ['determination', determinations],
] as const

const texts = ['displayName', 'assignedTo', 'summary'] as const

const labels: Readonly<Record<string, string>> = {
  status: 'Status',
  severity: 'Severity',
  classification: 'Classification',
  determination: 'Determination',
  displayName: 'Name',
  assignedTo: 'Owner',
  summary: 'Summary',
}

type Field = (typeof choices)[number][0] | (typeof texts)[number]

/** Changes an incident. Only what was changed here is sent, and a change by somebody else meanwhile is shown beside it. */
export default function EditDialog({
  incident,
  etag,
  onClose,
}: {
  incident: Incident
  etag: string | null
  onClose: () => void
}) {
  const { api } = useApp()
  const queries = useQueryClient()
  const [mine, setMine] = useState<Partial<Record<Field, string>>>({})
  const [base] = useState({ incident, etag })
  const save = useMutation({
    mutationFn: (against: string | null) =>
      api.call('PATCH', incidentApi(incident.id), { body: mine, headers: { 'If-Match': against ?? '*' } }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['incident', incident.id] })
      onClose()
    },
    onError: () => void queries.invalidateQueries({ queryKey: ['incident', incident.id] }),
  })
  const isConflict = save.error instanceof ApiError && save.error.status === 412
  const set = (field: Field, value: string): void => setMine({ ...mine, [field]: value })
  const textOf = (field: Field): string => mine[field] ?? base.incident[field] ?? ''
  const theirs = (field: Field): string | null =>
    incident[field] === base.incident[field] ? null : (incident[field] ?? 'empty')
  return (
    <Modal title={`Edit incident ${incident.id}`} onClose={onClose}>
      <Fields textOf={textOf} theirs={theirs} set={set} />
      {save.isError ? (
        <p role="alert" className="mt-3 text-danger">
          {isConflict
            ? 'Somebody changed it meanwhile. What they wrote stands below each field; what you typed is kept.'
            : describeFailure(save.error)}
        </p>
      ) : null}
      <DialogButtons onClose={onClose}>
        <Button
          kind="primary"
          off={save.isPending ? 'Saving …' : Object.keys(mine).length === 0 ? 'Nothing is changed.' : null}
          onPress={() => save.mutate(isConflict ? etag : base.etag)}
        >
          {isConflict ? 'Save mine over it' : 'Save'}
        </Button>
      </DialogButtons>
    </Modal>
  )
}

function Fields(props: {
  textOf: (field: Field) => string
  theirs: (field: Field) => string | null
  set: (field: Field, value: string) => void
}) {
  const { textOf, theirs, set } = props
  return (
    <div className="mt-3 space-y-3">
      {choices.map(([field, values]) => (
        <Row key={field} field={field} theirs={theirs(field)}>
          <select className="field" value={textOf(field)} onChange={(event) => set(field, event.target.value)}>
            {[...new Set([...values, textOf(field)])].map((value) => (
              <option key={value} value={value} disabled={value === ''}>
                {value === '' ? 'not set' : value}
              </option>
            ))}
          </select>
        </Row>
      ))}
      {texts.map((field) => (
        <Row key={field} field={field} theirs={theirs(field)}>
          <input className="field" value={textOf(field)} onChange={(event) => set(field, event.target.value)} />
        </Row>
      ))}
    </div>
  )
}

function Row({ field, theirs, children }: { field: Field; theirs: string | null; children: React.ReactNode }) {
  return (
    <div>
      {/* biome-ignore lint/a11y/noLabelWithoutControl: the field is its child */}
      <label className="block">
        {labels[field]}
        {children}
      </label>
      {theirs === null ? null : <p className="text-meta text-ink-2">Now there: {theirs}</p>}
    </div>
  )
}
