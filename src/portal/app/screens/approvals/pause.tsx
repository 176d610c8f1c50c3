import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useApp } from '../../frame/app.tsx'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { DialogButtons, Modal } from '../../parts/modal.tsx'
import { Refused } from '../../parts/states.tsx'
import { TenantChip } from '../../parts/tenant-chip.tsx'

/** Asks for the reason, then stops every hand-over of the tenant. */
export default function PauseDialog({ onClose }: { onClose: () => void }) {
  const { api, session } = useApp()
  const queries = useQueryClient()
  const [reason, setReason] = useState('')
  const pause = useMutation({
    mutationFn: () => api.call('POST', '/api/v1/dispatch/pause', { body: { reason: reason.trim() } }),
    onSuccess: onClose,
    onSettled: () => queries.invalidateQueries({ queryKey: ['policy'] }),
  })
  return (
    <Modal title="Pause all dispatch?" onClose={onClose} role="alertdialog">
      <TenantChip />
      <p className="mt-2">
        Nothing more is handed over to any target of <Name>{session.tenant.name}</Name>, releases among it, until an
        admin resumes. What a host has taken goes on.
      </p>
      <label className="mt-3 block">
        Why (required)
        <input className="field" value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />
      </label>
      <Refused error={pause.error} />
      <DialogButtons onClose={onClose}>
        <Button
          kind="danger"
          off={pause.isPending ? 'Sending …' : reason.trim() === '' ? 'Say why, in one line.' : null}
          onPress={() => pause.mutate()}
        >
          Pause all dispatch
        </Button>
      </DialogButtons>
    </Modal>
  )
}
