import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useId, useState } from 'react'
import { useApp } from '../../frame/app.tsx'
import { announce } from '../../live/announce.tsx'
import { Button } from '../../parts/button.tsx'
import { Modal } from '../../parts/modal.tsx'
import { Refused } from '../../parts/states.tsx'
import { type Channel, channelKinds } from './notification-query.ts'
import { WishFields } from './wish.tsx'

/** A setting or secret as a person fills it in. */
interface Field {
  readonly name: string
  readonly label: string
  readonly hint?: string
  readonly form?: 'list' | 'lines' | 'secret'
  /** Left out when it is empty. */
  readonly optional?: boolean
}

const ca: Field = {
  name: 'ca',
  label: 'CA certificates (PEM)',
  hint: 'Empty: the public ones.',
  form: 'lines',
  optional: true,
}

const fields: Readonly<Record<(typeof channelKinds)[number], readonly Field[]>> = {
  mail: [
    { name: 'url', label: 'Server', hint: 'smtp://host with STARTTLS, or smtps://host' },
    { name: 'from', label: 'From' },
    { name: 'to', label: 'To', hint: 'Addresses, with commas between them. Empty: only to people.', form: 'list' },
    { name: 'user', label: 'User', optional: true },
    { name: 'password', label: 'Password', form: 'secret' },
    ca,
  ],
  webhook: [
    { name: 'url', label: 'URL', hint: 'https://host/path' },
    { name: 'signingSecret', label: 'Signing secret', hint: 'Base64, e.g. of openssl rand -base64 32', form: 'secret' },
    { name: 'path', label: 'Secret path', hint: 'Where the path is what lets somebody in.', form: 'secret' },
  ],
  syslog: [{ name: 'url', label: 'Server', hint: 'syslog+tls://host' }, ca],
}

type Kind = keyof typeof fields

/** Sets a channel up, changes or removes it. */
export default function ChannelDialog({ channel, onClose }: { channel: Channel | null; onClose: () => void }) {
  const [kind, setKind] = useState<Kind>(channelKinds.find((one) => one === channel?.kind) ?? 'mail')
  const [name, setName] = useState(channel?.name ?? '')
  const [wish, setWish] = useState(() => wishOf(channel))
  const [texts, setTexts] = useState(() => textsOf(channel))
  const write = useWrite(channel, onClose)
  const save = (): void => write.mutate({ kind, name, ...toBody(kind, texts, wish) })
  return (
    <Modal title={channel === null ? 'Add a channel' : `Channel ${channel.name}`} onClose={onClose}>
      {channel === null ? (
        <label className="mt-3 block">
          Kind
          <select
            className="field"
            value={kind}
            onChange={(event) => setKind(channelKinds.find((one) => one === event.target.value) ?? 'mail')}
          >
            {channelKinds.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      ) : null}
      <label className="mt-3 block">
        Name
        <input className="field" value={name} maxLength={100} onChange={(event) => setName(event.target.value)} />
      </label>
      {fields[kind].map((field) => (
        <FieldInput
          key={field.name}
          field={field}
          isSet={channel !== null && Object.hasOwn(channel.secrets, field.name)}
          value={texts[field.name] ?? ''}
          set={(value) => setTexts({ ...texts, [field.name]: value })}
        />
      ))}
      <WishFields {...wish} set={(change) => setWish({ ...wish, ...change })} />
      <Refused error={write.error} />
      <div className="mt-4 flex flex-wrap justify-end gap-2">
        <Button kind="primary" off={write.isPending ? 'Saving …' : null} onPress={save}>
          Save the channel
        </Button>
        {channel === null ? null : (
          <Button kind="danger" off={write.isPending ? 'Saving …' : null} onPress={() => write.mutate(null)}>
            Remove
          </Button>
        )}
        <Button onPress={onClose}>Not now</Button>
      </div>
    </Modal>
  )
}

/** Writes the channel; null removes it. */
function useWrite(channel: Channel | null, onClose: () => void) {
  const { api } = useApp()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: async (body: { readonly kind: Kind; readonly [name: string]: unknown } | null) => {
      if (channel === null) return api.call('POST', '/api/v1/connectors', { body })
      const headers = { 'If-Match': `W/"${channel.version}"` }
      const path = `/api/v1/connectors/${channel.id}`
      return body === null ? api.call('DELETE', path, { headers }) : api.call('PUT', path, { body, headers })
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['notifications'] })
      announce('Saved')
      onClose()
    },
  })
}

function FieldInput(props: { field: Field; isSet: boolean; value: string; set: (value: string) => void }) {
  const { field, isSet, value, set } = props
  const id = useId()
  const hintId = `${id}-hint`
  const hint = isSet ? 'It is set. Empty: it stays as it is.' : field.hint
  return (
    <div className="mt-3">
      <label htmlFor={id}>{field.label}</label>
      {field.form === 'lines' ? (
        <textarea
          id={id}
          aria-describedby={hintId}
          className="field font-mono text-table"
          rows={3}
          value={value}
          onChange={(event) => set(event.target.value)}
        />
      ) : (
        <input
          id={id}
          aria-describedby={hintId}
          className="field"
          type={field.form === 'secret' ? 'password' : 'text'}
          autoComplete="off"
          spellCheck={false}
          value={value}
          onChange={(event) => set(event.target.value)}
        />
      )}
      <p id={hintId} className="text-meta text-ink-2">
        {hint}
      </p>
    </div>
  )
}

interface Wish {
  readonly events: readonly string[]
  readonly minSeverity: string
}

function wishOf(channel: Channel | null): Wish {
  const { events, minSeverity } = channel?.settings ?? {}
  return {
    events: Array.isArray(events) ? events.map(String) : ['awaitingAction', 'highSeverityIncident'],
    minSeverity: typeof minSeverity === 'string' ? minSeverity : 'medium',
  }
}

function textsOf(channel: Channel | null): Readonly<Record<string, string>> {
  const texts = Object.entries(channel?.settings ?? {}).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : value === null ? '' : String(value),
  ])
  return Object.fromEntries(texts)
}

function toBody(
  kind: Kind,
  texts: Readonly<Record<string, string>>,
  wish: Wish,
): { settings: object; secrets: object } {
  const filled = fields[kind].map((field) => ({ ...field, text: (texts[field.name] ?? '').trim() }))
  const settings = filled
    .filter(({ form, optional, text }) => form !== 'secret' && !(optional === true && text === ''))
    .map(({ name, form, text }) => [name, form === 'list' ? text.split(/[\s,]+/).filter((one) => one !== '') : text])
  const secrets = filled
    .filter(({ form, text }) => form === 'secret' && text !== '')
    .map(({ name, text }) => [name, text])
  return { settings: { ...Object.fromEntries(settings), ...wish }, secrets: Object.fromEntries(secrets) }
}
