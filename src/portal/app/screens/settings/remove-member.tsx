import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef } from 'react'
import { useApp } from '../../frame/app.tsx'
import { announce } from '../../live/announce.tsx'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { DialogButtons, Modal } from '../../parts/modal.tsx'
import { Refused } from '../../parts/states.tsx'
import { TenantChip } from '../../parts/tenant-chip.tsx'
import type { Member } from './members.tsx'

/** Asks before somebody of another tenant is let out, and names which tenant that is. */
export default function RemoveDialog({ member, onClose }: { member: Member; onClose: () => void }) {
  const { api, session } = useApp()
  const queries = useQueryClient()
  const cancel = useRef<HTMLButtonElement>(null)
  const tenant = session.tenant.name
  const remove = useMutation({
    mutationFn: () => api.call('DELETE', `/api/v1/members/${encodeURIComponent(member.personId)}`),
    onSuccess: () => {
      announce(`${member.name} is removed`)
      onClose()
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['members'] }),
  })
  return (
    <Modal title={`Remove ${member.name}?`} onClose={onClose} initialFocus={cancel} role="alertdialog">
      <TenantChip />
      <p className="mt-2">
        <Name>{member.name}</Name> is {member.role} in <Name>{tenant}</Name> and can do nothing there any more, within a
        second. What they did stays, and so does what they may do elsewhere. They can be let in again.
      </p>
      <Refused error={remove.error} />
      <DialogButtons onClose={onClose} cancel={cancel}>
        <Button kind="danger" off={remove.isPending ? 'Sending …' : null} onPress={() => remove.mutate()}>
          {`Remove from ${tenant}`}
        </Button>
      </DialogButtons>
    </Modal>
  )
}
