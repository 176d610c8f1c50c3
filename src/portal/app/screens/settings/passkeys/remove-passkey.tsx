import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef } from 'react'
import { useApp } from '../../../frame/app.tsx'
import { announce } from '../../../live/announce.tsx'
import { Name } from '../../../parts/badges.tsx'
import { Button } from '../../../parts/button.tsx'
import { DialogButtons, Modal } from '../../../parts/modal.tsx'
import { Refused } from '../../../parts/states.tsx'
import type { Passkey } from './passkeys.tsx'

/** Asks before a passkey is removed. */
export default function RemoveDialog({ passkey, onClose }: { passkey: Passkey; onClose: () => void }) {
  const { api } = useApp()
  const queries = useQueryClient()
  const cancel = useRef<HTMLButtonElement>(null)
  const remove = useMutation({
    mutationFn: () => api.callOwn('DELETE', `/auth/passkeys/${passkey.id}`),
    onSuccess: () => {
      announce(`The passkey ${passkey.name} is removed.`)
      onClose()
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['passkeys'] }),
  })
  return (
    <Modal title={`Remove ${passkey.name}?`} onClose={onClose} initialFocus={cancel} role="alertdialog">
      <p className="mt-2">
        <Name>{passkey.name}</Name> signs you in no more, and your other sessions end. The device keeps its half until
        you delete it there.
      </p>
      <Refused error={remove.error} />
      <DialogButtons onClose={onClose} cancel={cancel}>
        <Button kind="danger" off={remove.isPending ? 'Sending …' : null} onPress={() => remove.mutate()}>
          Remove this passkey
        </Button>
      </DialogButtons>
    </Modal>
  )
}
