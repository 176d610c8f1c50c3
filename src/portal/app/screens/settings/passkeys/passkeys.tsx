import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, lazy, Suspense, useState } from 'react'
import { listOf, map, nullable, type Read, readWith, record, text, truth } from '../../../api/read.ts'
import { useApp } from '../../../frame/app.tsx'
import { explain, hasPasskeys, makePasskey } from '../../../frame/sign-in/ceremony.ts'
import { announce } from '../../../live/announce.tsx'
import { Name } from '../../../parts/badges.tsx'
import { Button } from '../../../parts/button.tsx'
import { describeFailure, Failure, Skeleton } from '../../../parts/states.tsx'
import { Time } from '../../../parts/time.tsx'

const RenameDialog = lazy(() => import('./rename-passkey.tsx'))
const RemoveDialog = lazy(() => import('./remove-passkey.tsx'))

const passkey = record({
  id: text,
  name: text,
  host: text,
  createdDateTime: text,
  lastUsedDateTime: nullable(text),
  isDeviceBound: truth,
  isBackedUp: truth,
  transports: listOf(text),
})
const own = record({
  value: listOf(passkey),
  host: nullable(text),
  issuer: nullable(record({ name: text, address: text })),
})
export type Passkey = Read<typeof passkey>

/** The passkeys of whoever is signed in, where they are at home. */
export default function Passkeys() {
  const { api } = useApp()
  const [asked, ask] = useState<{ readonly what: 'rename' | 'remove'; readonly passkey: Passkey } | null>(null)
  const list = useQuery({
    queryKey: ['passkeys'],
    queryFn: async () => readWith(own, await api.callOwn('GET', '/auth/passkeys')),
  })
  return (
    <section aria-labelledby="passkeys">
      <h2 id="passkeys">Passkeys</h2>
      {list.data !== undefined ? (
        <>
          <List of={list.data} ask={(what, one) => ask({ what, passkey: one })} />
          <Offer of={list.data} />
        </>
      ) : list.isError ? (
        <Failure error={list.error} retry={() => void list.refetch()} />
      ) : (
        <Skeleton rows={2} />
      )}
      <Suspense fallback={null}>
        {asked?.what === 'rename' ? <RenameDialog passkey={asked.passkey} onClose={() => ask(null)} /> : null}
        {asked?.what === 'remove' ? <RemoveDialog passkey={asked.passkey} onClose={() => ask(null)} /> : null}
      </Suspense>
    </section>
  )
}

function List(props: { of: Read<typeof own>; ask: (what: 'rename' | 'remove', passkey: Passkey) => void }) {
  const { of, ask } = props
  if (of.value.length === 0) return null
  return (
    <ul aria-label="Your passkeys" className="mt-1 space-y-2">
      {of.value.map((one) => (
        <li key={one.id} data-passkey-id={one.id} className="box flex flex-wrap items-center gap-3 p-3">
          <span className="grow">
            <strong>
              <Name>{one.name}</Name>
            </strong>
            <span className="block text-meta text-ink-2">
              made <Time at={one.createdDateTime} />, {one.lastUsedDateTime === null ? 'never used' : 'last used '}
              {one.lastUsedDateTime === null ? null : <Time at={one.lastUsedDateTime} />}
            </span>
            <span className="block text-meta text-ink-2">
              {describePlace(one)}
              {one.host === of.host ? null : (
                <>
                  ; only at <Name>{one.host}</Name>
                </>
              )}
            </span>
          </span>
          <Button label={`Rename ${one.name}`} onPress={() => ask('rename', one)}>
            Rename
          </Button>
          <Button label={`Remove ${one.name}`} onPress={() => ask('remove', one)}>
            Remove
          </Button>
        </li>
      ))}
    </ul>
  )
}

/** Ways to an authenticator as people call them. */
const ways: Readonly<Record<string, string>> = {
  internal: 'this kind of device',
  hybrid: 'a phone nearby',
  usb: 'USB',
  nfc: 'NFC',
  ble: 'Bluetooth',
  'smart-card': 'smart card',
}

function describePlace({ isDeviceBound, isBackedUp, transports }: Passkey): string {
  const place = isDeviceBound ? 'bound to one device' : isBackedUp ? 'backed up' : 'not backed up yet'
  const named = transports.flatMap((way) => ways[way] ?? [])
  return named.length === 0 ? place : `${place}; by ${named.join(', ')}`
}

function Offer({ of: { host, issuer, value } }: { of: Read<typeof own> }) {
  if (issuer !== null) {
    return (
      <p className="mt-1 text-meta text-ink-2">
        You sign in with <Name>{issuer.name}</Name>: passkeys are made and removed there, at{' '}
        <Name className="break-all">{issuer.address}</Name>.
      </p>
    )
  }
  if (host === null) {
    return (
      <p className="mt-1 text-meta text-ink-2">
        Browsers have no passkeys at a bare IP address: to make one, open Cordon by its host name.
      </p>
    )
  }
  if (!hasPasskeys()) return <p className="mt-1 text-meta text-ink-2">This browser has no passkeys.</p>
  return <AddForm isFirst={value.length === 0} />
}

function AddForm({ isFirst }: { isFirst: boolean }) {
  const { api } = useApp()
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const add = useMutation({
    mutationFn: async () => {
      const asked = readWith(record({ publicKey: map }), await api.callOwn('POST', '/auth/passkeys/options'))
      const credential = await makePasskey(asked.publicKey)
      await api.callOwn('POST', '/auth/passkeys', { name: name.trim(), credential })
    },
    onSuccess: () => {
      announce(`The passkey ${name.trim()} is added.`)
      setName('')
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['passkeys'] }),
  })
  const send = (event: FormEvent): void => {
    event.preventDefault()
    if (name.trim() !== '' && !add.isPending) add.mutate()
  }
  return (
    <form className="mt-2 space-y-2" onSubmit={send}>
      <p className="text-meta text-ink-2">
        Signs you in by finger, face or PIN of a device, with nothing to type.
        {isFirst ? null : ' A second one helps when a device is lost.'}
      </p>
      <label className="block">
        What to call the new one
        <input
          className="field mt-1 block w-full max-w-sm"
          maxLength={120}
          autoComplete="off"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </label>
      <button type="submit" className="button" disabled={name.trim() === '' || add.isPending}>
        Add a passkey
      </button>
      {add.error === null ? null : (
        <p role="alert" className="text-danger">
          {add.error instanceof DOMException ? explain(add.error) : describeFailure(add.error)}
        </p>
      )}
    </form>
  )
}
