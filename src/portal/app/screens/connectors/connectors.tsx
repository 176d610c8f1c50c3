import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Tone } from '../../../shown/words.ts'
import { fetchAs } from '../../api/queries.ts'
import { listOf, nullable, type Read, readWith, record, text, truth } from '../../api/read.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { Badge, Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { describeFailure, Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { SettingsTabs } from '../settings/settings-tabs.tsx'

const connector = record({
  id: text,
  kind: text,
  name: text,
  capabilities: listOf(record({ actionType: text, available: truth, reason: nullable(text) })),
  health: record({ state: text, code: nullable(text), detail: nullable(text), observedDateTime: nullable(text) }),
  lastModifiedDateTime: text,
})
const connectors = record({ value: listOf(connector) })
type Connector = Read<typeof connector>

const checks = record({
  ok: truth,
  checks: listOf(
    record({
      name: text,
      ok: truth,
      detail: text,
      code: nullable(text),
      setting: nullable(text),
      fix: nullable(text),
    }),
  ),
})

const path = '/api/v1/connectors'
const tones: Readonly<Record<string, Tone>> = { working: 'done', failing: 'failed', untested: 'quiet' }

/** S10: the ways to outside systems, how each was found last, and a test without effect. */
export function ConnectorsScreen() {
  const { api, may } = useApp()
  const isAdmin = may('Cordon.Admin')
  const found = useQuery({
    queryKey: ['connectors'],
    enabled: isAdmin,
    refetchInterval: 15_000,
    queryFn: ({ signal }) => fetchAs(api, path, connectors, signal),
  })
  return (
    <div className="space-y-3 p-4">
      <Title text="Connectors" />
      <SettingsTabs current="connectors" />
      {isAdmin ? null : <Empty title="Connectors are shown to admins: they hold the ways to outside systems." />}
      {found.isError && found.data === undefined ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : null}
      {isAdmin && found.isPending ? <Skeleton rows={3} /> : null}
      {found.data?.value.length === 0 ? (
        <Empty title="No connector is set up.">
          <p>
            Without one, actions on accounts of a directory and on mail are done by hand.{' '}
            <code>cordon connector create</code> sets one up; it appears here and can be tested.
          </p>
        </Empty>
      ) : null}
      <ul className="grid gap-3 lg:grid-cols-2">
        {found.data?.value.map((one) => (
          <Card key={one.id} connector={one} />
        ))}
      </ul>
    </div>
  )
}

function Card({ connector: { id, kind, name, capabilities, health } }: { connector: Connector }) {
  const { api } = useApp()
  const queries = useQueryClient()
  const test = useMutation({
    mutationFn: async () => readWith(checks, (await api.call('POST', `${path}/${encodeURIComponent(id)}/test`)).body),
    onSettled: () => queries.invalidateQueries({ queryKey: ['connectors'] }),
  })
  return (
    <li className="box min-w-0 space-y-2 p-4" data-id={id} data-health={health.state}>
      <h2>
        <Name>{name}</Name> <span className="text-ink-2">{kind}</span>
      </h2>
      <p className="flex flex-wrap items-center gap-2">
        <Badge tone={tones[health.state] ?? 'quiet'}>{health.state}</Badge>
        <span className="text-meta text-ink-2">
          last heard of <Time at={health.observedDateTime} />
        </span>
      </p>
      {health.detail === null ? null : (
        <p>
          {health.code}: <Name>{health.detail}</Name>
        </p>
      )}
      <ul className="list-disc ps-5">
        {capabilities.map(({ actionType, available, reason }) => (
          <li key={actionType}>
            {actionType}: {available ? 'yes' : <Name>{reason ?? 'no'}</Name>}
          </li>
        ))}
      </ul>
      <Button off={test.isPending ? 'Testing …' : null} label={`Test ${name}`} onPress={() => test.mutate()}>
        Test it
      </Button>
      {test.isError ? (
        <p role="alert" className="text-danger">
          {describeFailure(test.error)}
        </p>
      ) : null}
      {test.data === undefined ? null : (
        <ol aria-label={`Test of ${name}`} className="space-y-1">
          {test.data.checks.map((check) => (
            <li key={check.name}>
              <Badge tone={check.ok ? 'done' : 'failed'}>{check.ok ? '✓ holds' : '✕ fails'}</Badge> {check.name}:{' '}
              <Name>{check.detail}</Name>
              {check.fix === null ? null : (
                <>
                  {' '}
                  <Name>{check.fix}</Name>
                </>
              )}
            </li>
          ))}
        </ol>
      )}
    </li>
  )
}
