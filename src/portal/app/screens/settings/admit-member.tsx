import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { isRoleName, roleNames } from '../../../../model/permissions.ts'
import { useApp } from '../../frame/app.tsx'
import { announce } from '../../live/announce.tsx'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { DialogButtons, Modal } from '../../parts/modal.tsx'
import { Refused } from '../../parts/states.tsx'
import { TenantChip } from '../../parts/tenant-chip.tsx'
import type { Member } from './members.tsx'

const roleMeanings: Readonly<Record<string, string>> = {
  reader: 'reads',
  responder: 'works on incidents and runs actions',
  approver: 'reads, and agrees to what waits for a second person',
  expert: 'as a responder, and proposes tasks',
  auditor: 'reads, the audit log too',
  monitor: 'reads figures about the server',
  admin: 'everything but proposing tasks',
}

const guid = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/** Gives somebody of another tenant a role here, or another role. @param member whose role is changed; null for somebody new */
export default function AdmitDialog({ member, onClose }: { member: Member | null; onClose: () => void }) {
  const { api, session } = useApp()
  const queries = useQueryClient()
  const [personId, setPersonId] = useState(member?.personId ?? '')
  const [role, setRole] = useState(member !== null && isRoleName(member.role) ? member.role : 'responder')
  const save = useMutation({
    mutationFn: () => api.call('PUT', `/api/v1/members/${encodeURIComponent(personId.trim())}`, { body: { role } }),
    onSuccess: () => {
      announce(member === null ? 'Let in' : 'The role is changed')
      onClose()
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['members'] }),
  })
  const off = save.isPending
    ? 'Saving …'
    : !guid.test(personId.trim())
      ? 'Give the id as it stands in their Settings.'
      : role === member?.role
        ? 'Nothing is changed.'
        : null
  return (
    <Modal title={member === null ? 'Let somebody in' : 'Change the role'} onClose={onClose}>
      <TenantChip />
      <div className="mt-3 space-y-3">
        {member === null ? (
          <IdField value={personId} set={setPersonId} />
        ) : (
          <p>
            <Name>{member.name}</Name>, at home in <Name>{member.homeTenantName}</Name>
          </p>
        )}
        <label className="block">
          Role in {session.tenant.name}
          <select
            className="field"
            value={role}
            onChange={(event) => setRole(roleNames.find((one) => one === event.target.value) ?? role)}
          >
            {roleNames.map((one) => (
              <option key={one} value={one}>
                {`${one}: ${roleMeanings[one] ?? ''}`}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Refused error={save.error} />
      <DialogButtons onClose={onClose}>
        <Button kind="primary" off={off} onPress={() => save.mutate()}>
          {member === null ? 'Let them in' : 'Change the role'}
        </Button>
      </DialogButtons>
    </Modal>
  )
}

function IdField({ value, set }: { value: string; set: (id: string) => void }) {
  return (
    <label className="block">
      Their id
      <input
        className="field font-mono"
        value={value}
        autoCapitalize="off"
        autoComplete="off"
        autoCorrect="off"
        spellCheck={false}
        onChange={(event) => set(event.target.value)}
      />
    </label>
  )
}
