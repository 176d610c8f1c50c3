import type { UseMutationResult } from '@tanstack/react-query'
import { useRef } from 'react'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Modal } from '../../parts/modal.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { TenantChip } from '../../parts/tenant-chip.tsx'
import { listPolicyChanges } from './policy-changes.ts'

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
        {changes.map(({ path, before: old, after: now }) => (
          <li key={path} className="wrap-anywhere">
            <code>
              <Name>{path}</Name>
            </code>
            <span className="block text-meta text-ink-2">
              {old === null ? 'new' : <Name>{old}</Name>} → {now === null ? 'taken away' : <Name>{now}</Name>}
            </span>
          </li>
        ))}
      </ul>
      {changes.length === 0 ? <p className="mt-3">Nothing but the spelling is changed.</p> : null}
      {save.isError ? (
        <p role="alert" className="mt-3 text-danger">
          {describeFailure(save.error)}
        </p>
      ) : null}
      <div className="mt-4 flex flex-wrap justify-end gap-2">
        <Button
          kind="danger"
          off={save.isPending ? 'Saving …' : null}
          onPress={() => save.mutate(undefined, { onSuccess: onClose })}
        >
          Put it in force
        </Button>
        <button ref={cancel} type="button" className="button" onClick={onClose}>
          Not now
        </button>
      </div>
    </Modal>
  )
}
