import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef } from 'react'
import { useApp } from '../../frame/app.tsx'
import { announce } from '../../live/announce.tsx'
import { Button } from '../../parts/button.tsx'
import { DialogButtons, Modal } from '../../parts/modal.tsx'
import { Refused } from '../../parts/states.tsx'
import { TenantChip } from '../../parts/tenant-chip.tsx'

/** Says what pausing means, then does it. */
export default function PauseManagedDialog({ onClose }: { onClose: () => void }) {
  const { api } = useApp()
  const queries = useQueryClient()
  const cancel = useRef<HTMLButtonElement>(null)
  const pause = useMutation({
    mutationFn: () => api.call('POST', '/api/v1/managed-response/pause'),
    onSuccess: () => {
      announce('Managed response is paused')
      onClose()
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['policy'] }),
  })
  return (
    <Modal title="Pause managed response?" onClose={onClose} initialFocus={cancel} role="alertdialog">
      <TenantChip />
      <p className="mt-2">
        Experts only propose from now on. What waits for its turn becomes a guided task; what was handed over to its
        target goes on, and can be cancelled or undone. An admin resumes it.
      </p>
      <Refused error={pause.error} />
      <DialogButtons onClose={onClose} cancel={cancel}>
        <Button kind="danger" off={pause.isPending ? 'Sending …' : null} onPress={() => pause.mutate()}>
          Pause managed response
        </Button>
      </DialogButtons>
    </Modal>
  )
}
