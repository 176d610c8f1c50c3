import type { UseMutationResult } from '@tanstack/react-query'
import { useRef } from 'react'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { DialogButtons, Modal } from '../../parts/modal.tsx'
import { Refused } from '../../parts/states.tsx'
import { TenantChip } from '../../parts/tenant-chip.tsx'
import { explainChange, listPolicyChanges } from './policy-changes.ts'

/** Shows what a new policy changes, place by place, before it is in force. */
export default function ReviewDialog(props: {
  before: string
  after: string
  save: UseMutationResult<unknown, Error, void>
  onClose: () => void
}) {
  const { before, after, save, onClose } = props
  const cancel = useRef<HTMLButtonElement>(null)
  const changes = listPolicyChanges(JSON.parse(before), JSON.parse(after))
  return (
    <Modal title="Change the policy?" onClose={onClose} initialFocus={cancel} role="alertdialog">
      <TenantChip />
      <p>
        It holds for everything that is handed over from then on.{' '}
        {changes.length === 1 ? 'One place changes:' : `${changes.length} places change:`}
      </p>
      <ul aria-label="Changes" className="mt-3 space-y-2 rounded-box bg-sunken p-3">
        {changes.map((change) => (
          <li key={change.path} className="wrap-anywhere">
            <code>
              <Name>{change.path}</Name>
            </code>
            <span className="block text-meta text-ink-2">
              {change.before === null ? 'new' : <Name>{change.before}</Name>} →{' '}
              {change.after === null ? 'taken away' : <Name>{change.after}</Name>}
            </span>
            <span className="block">{explainChange(change)}</span>
          </li>
        ))}
      </ul>
      {changes.length === 0 ? <p className="mt-3">Nothing but the spelling is changed.</p> : null}
      <Refused error={save.error} />
      <DialogButtons onClose={onClose} cancel={cancel}>
        <Button
          kind="danger"
          off={save.isPending ? 'Saving …' : null}
          onPress={() => save.mutate(undefined, { onSuccess: onClose })}
        >
          Put it in force
        </Button>
      </DialogButtons>
    </Modal>
  )
}
