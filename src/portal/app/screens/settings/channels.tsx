import { useMutation, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import type { Tone } from '../../../shown/words.ts'
import { readWith } from '../../api/read.ts'
import { useApp } from '../../frame/app.tsx'
import { announce } from '../../live/announce.tsx'
import { Badge, Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { describeFailure, Empty, Failure } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { EscalationEditor } from './escalation.tsx'
import { type Channel, type Delivery, testResult, useChannels, useDeliveries } from './notification-query.ts'

const ChannelDialog = lazy(() => import('./channel-dialog.tsx'))

/** The ways to people, with how they are, for admins. */
export default function Channels() {
  const channels = useChannels()
  const deliveries = useDeliveries()
  const [open, setOpen] = useState<Channel | 'new' | null>(null)
  return (
    <>
      <section aria-labelledby="channels">
        <h2 id="channels">Channels</h2>
        {channels.isError ? <Failure error={channels.error} retry={() => void channels.refetch()} /> : null}
        {channels.isPending ? <p>Loading …</p> : null}
        {channels.data?.length === 0 ? (
          <Empty title="Nobody is told of anything yet.">
            <p>Add mail, a chat or a log server.</p>
          </Empty>
        ) : null}
        <ul className="mt-1 space-y-2">
          {channels.data?.map((channel) => (
            <ChannelRow
              key={channel.id}
              channel={channel}
              last={deliveries.data?.find(({ channelId }) => channelId === channel.id) ?? null}
              onEdit={() => setOpen(channel)}
            />
          ))}
        </ul>
        <p className="mt-2">
          <Button onPress={() => setOpen('new')}>Add a channel</Button>
        </p>
      </section>
      <EscalationEditor channels={channels.data ?? []} />
      <Suspense fallback={null}>
        {open === null ? null : <ChannelDialog channel={open === 'new' ? null : open} onClose={() => setOpen(null)} />}
      </Suspense>
    </>
  )
}

const tones: Readonly<Record<string, Tone>> = {
  working: 'done',
  delivered: 'done',
  failing: 'failed',
  failed: 'failed',
}

function ChannelRow({ channel, last, onEdit }: { channel: Channel; last: Delivery | null; onEdit: () => void }) {
  const { api } = useApp()
  const queries = useQueryClient()
  const test = useMutation({
    mutationFn: async () =>
      readWith(testResult, (await api.call('POST', `/api/v1/connectors/${channel.id}/test`)).body),
    onSuccess: ({ ok }) => announce(ok ? 'The test message was handed over' : 'The test message was not delivered'),
    onSettled: () => queries.invalidateQueries({ queryKey: ['notifications', 'channels'] }),
  })
  const { health, settings } = channel
  return (
    <li className="box p-3">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="font-medium">
          <Name>{channel.name}</Name>
        </span>
        <span className="text-meta text-ink-2">{channel.kind}</span>
        <code className="text-meta">
          <Name>{String(settings.url)}</Name>
        </code>
        <Badge tone={tones[health.state] ?? 'quiet'}>{health.state}</Badge>
      </p>
      {health.detail === null ? null : <p className="text-meta text-danger">{health.detail}</p>}
      {last === null ? null : (
        <p className="text-meta text-ink-2">
          Last message <Time at={last.createdDateTime} />: {last.state}
          {last.lastError === null ? '' : `, ${last.lastError}`}
        </p>
      )}
      {test.data === undefined ? null : (
        <p className={test.data.ok ? '' : 'text-danger'}>
          {test.data.checks.map(({ detail, fix }) => `${detail} ${fix ?? ''}`).join(' ')}
        </p>
      )}
      {test.isError ? <p className="text-danger">{describeFailure(test.error)}</p> : null}
      <p className="mt-2 flex flex-wrap gap-2">
        <Button
          label={`Send test: ${channel.name}`}
          off={test.isPending ? 'Sending …' : null}
          onPress={() => test.mutate()}
        >
          Send test
        </Button>
        <Button label={`Edit: ${channel.name}`} onPress={onEdit}>
          Edit
        </Button>
      </p>
    </li>
  )
}
