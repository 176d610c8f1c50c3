import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useRef, useState } from 'react'
import { useApp } from '../../../frame/app.tsx'
import { announce } from '../../../live/announce.tsx'
import { DialogButtons, Modal } from '../../../parts/modal.tsx'
import { Refused } from '../../../parts/states.tsx'
import type { Passkey } from './passkeys.tsx'

/** Gives a passkey another name. */
export default function RenameDialog({ passkey, onClose }: { passkey: Passkey; onClose: () => void }) {
  const { api } = useApp()
  const queries = useQueryClient()
  const field = useRef<HTMLInputElement>(null)
  const [name, setName] = useState(passkey.name)
  const rename = useMutation({
    mutationFn: () => api.callOwn('PATCH', `/auth/passkeys/${passkey.id}`, { name: name.trim() }),
    onSuccess: () => {
      announce(`The passkey is called ${name.trim()} now.`)
      onClose()
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['passkeys'] }),
  })
  const send = (event: FormEvent): void => {
    event.preventDefault()
    if (name.trim() !== '' && !rename.isPending) rename.mutate()
  }
  return (
    <Modal title={`Rename ${passkey.name}`} onClose={onClose} initialFocus={field}>
      <form onSubmit={send}>
        <label className="mt-2 block">
          What to call it
          <input
            ref={field}
            className="field mt-1 block w-full"
            maxLength={120}
            autoComplete="off"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <Refused error={rename.error} />
        <DialogButtons onClose={onClose}>
          <button type="submit" className="button button-primary" disabled={name.trim() === '' || rename.isPending}>
            Rename
          </button>
        </DialogButtons>
      </form>
    </Modal>
  )
}
