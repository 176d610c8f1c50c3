import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { roleNames } from '../../../model/permissions.ts'
import { readWith, record, text } from '../api/read.ts'
import { useApp } from '../frame/app.tsx'
import { announce } from '../live/announce.tsx'
import { Button } from '../parts/button.tsx'
import { DialogButtons, Modal } from '../parts/modal.tsx'
import { Refused } from '../parts/states.tsx'
import { writeSearch } from '../paths.ts'
import type { ListName } from './views.ts'

const made = record({ id: text })

/** Asks for the name of a view, and who is to see it. */
export default function ViewDialog(props: {
  list: ListName
  filter: string
  go: (query: string) => void
  onClose: () => void
}) {
  const { list, filter, go, onClose } = props
  const { api, may } = useApp()
  const queries = useQueryClient()
  const field = useRef<HTMLInputElement>(null)
  const [name, setName] = useState('')
  const [shared, setShared] = useState(false)
  const [defaultFor, setDefaultFor] = useState<readonly string[]>([])
  const save = useMutation({
    mutationFn: async () => {
      const body = {
        screen: list,
        name: name.trim(),
        query: filter,
        shared,
        defaultFor: shared ? defaultFor : [],
      }
      return readWith(made, (await api.call('POST', '/api/v1/views', { body })).body).id
    },
    onSuccess: async (id) => {
      await queries.invalidateQueries({ queryKey: ['views'] })
      announce('The view is saved.')
      onClose()
      go(writeSearch({ view: id }))
    },
  })
  const off = save.isPending ? 'Saving …' : name.trim() === '' ? 'Give it a name.' : null
  return (
    <Modal title="Save as a view" onClose={onClose} initialFocus={field}>
      <label className="mt-3 block">
        Name
        <input
          ref={field}
          className="field"
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </label>
      {may('SecurityIncident.ReadWrite.All') ? (
        <Choice label="Everybody in the tenant sees it" isOn={shared} set={setShared} />
      ) : null}
      {shared && may('Cordon.Admin') ? <Roles chosen={defaultFor} set={setDefaultFor} /> : null}
      <Refused error={save.error} />
      <DialogButtons onClose={onClose}>
        <Button kind="primary" off={off} onPress={() => save.mutate()}>
          Save the view
        </Button>
      </DialogButtons>
    </Modal>
  )
}

function Roles({ chosen, set }: { chosen: readonly string[]; set: (roles: readonly string[]) => void }) {
  return (
    <fieldset className="mt-3">
      <legend>Roles that begin with it</legend>
      {roleNames.map((role) => (
        <Choice
          key={role}
          label={role}
          isOn={chosen.includes(role)}
          set={(isOn) => set(isOn ? [...chosen, role] : chosen.filter((one) => one !== role))}
        />
      ))}
    </fieldset>
  )
}

function Choice({ label, isOn, set }: { label: string; isOn: boolean; set: (isOn: boolean) => void }) {
  return (
    <label className="mt-2 flex items-center gap-2">
      <input type="checkbox" className="size-6" checked={isOn} onChange={(event) => set(event.target.checked)} />
      {label}
    </label>
  )
}
