import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import { withOptions } from '../../api/odata.ts'
import { fetchAs } from '../../api/queries.ts'
import { pageOf, alert as readAlert } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { announce } from '../../live/announce.tsx'
import { Badge, Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Link } from '../../parts/link.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { incidentPath } from '../../paths.ts'
import { agents } from '../devices/agents.ts'
import { useSampleChange, useSamples } from './samples.ts'

/** J7: what a newcomer does first, each step with what shows that it worked. */
export function StartScreen() {
  return (
    <div className="space-y-3 p-4">
      <Title text="First steps" />
      <FirstSteps />
    </div>
  )
}

/** The four steps, without a heading of their own. */
export function FirstSteps() {
  return (
    <ol aria-label="First steps" className="grid gap-3 lg:grid-cols-2">
      <SampleStep />
      <SourceStep />
      <AgentStep />
      <PeopleStep />
    </ol>
  )
}

function Step(props: { name: string; done: string | null; children: ReactNode }) {
  const { name, done, children } = props
  return (
    <li className="box min-w-0 space-y-2 p-4" data-step={name} data-done={done !== null}>
      <h2 className="flex flex-wrap items-center gap-2">
        {name} {done === null ? <Badge>to do</Badge> : <Badge tone="done">✓ {done}</Badge>}
      </h2>
      {children}
    </li>
  )
}

function SampleStep() {
  const { session, may } = useApp()
  const samples = useSamples()
  const load = useSampleChange('POST')
  const remove = useSampleChange('DELETE')
  const { incidentId = null, taskIds = [] } = samples.data ?? {}
  const failed = [load, remove].find(({ isError }) => isError)?.error
  const [task] = taskIds
  return (
    <Step name="Load a sample incident" done={incidentId === null ? null : 'loaded'}>
      <p>
        A made-up incident, marked SAMPLE, with a task that runs as a dry run on a made-up host. It is removed in one
        press.
      </p>
      <p className="flex flex-wrap gap-2">
        {incidentId === null ? (
          <Button
            kind="primary"
            off={load.isPending ? 'Loading …' : may('Cordon.Admin') ? null : 'Needs an admin.'}
            onPress={() => load.mutate()}
          >
            Load the sample
          </Button>
        ) : (
          <>
            <Link
              to={`${incidentPath(session.tenant.id, incidentId, 'tasks')}${task === undefined ? '' : `/${task}`}`}
              className="button button-primary"
            >
              Open its first task
            </Link>
            {may('Cordon.Admin') ? (
              <Button off={remove.isPending ? 'Removing …' : null} onPress={() => remove.mutate()}>
                Remove the sample
              </Button>
            ) : null}
          </>
        )}
      </p>
      {failed === undefined ? null : (
        <p role="alert" className="text-danger">
          {describeFailure(failed)}
        </p>
      )}
    </Step>
  )
}

const alertPage = pageOf(readAlert)

/** Alerts that are no samples: how many there are. */
function useRealAlerts(): number | undefined {
  const { api } = useApp()
  const samples = useSamples()
  const all = useQuery({
    queryKey: ['alerts', 'counted'],
    refetchInterval: 15_000,
    queryFn: async ({ signal }) => {
      const options = { $top: 1, $count: 'true', $select: 'id,severity,status,serviceSource' }
      return (await fetchAs(api, withOptions('/v1.0/security/alerts_v2', options), alertPage, signal)).count ?? 0
    },
  })
  if (all.data === undefined || samples.data === undefined) return undefined
  return Math.max(0, all.data - samples.data.alertIds.length)
}

function SourceStep() {
  const { session } = useApp()
  const count = useRealAlerts() ?? 0
  const done = count === 0 ? null : `received ${writeCount(count, 'alert', 'alerts')}`
  return (
    <Step name="Connect an alert source" done={done}>
      <p>On the server, one command posts a test alert; this card says so when it has arrived.</p>
      <Command label="the command for a test alert">
        {`echo '{"title":"My first alert","severity":"low"}' | npx cordon ingest - --source graph --data data`}
      </Command>
      <p>From anywhere else, with the ids and the secret that the first line prints:</p>
      <Command label="the curl commands">
        {[
          'npx cordon client create --name "first source" --role responder --data data',
          `token=$(curl --silent --cacert ca.crt ${location.origin}/${session.tenant.id}/oauth2/v2.0/token \\`,
          '  --data grant_type=client_credentials --data client_id=CLIENT_ID --data-urlencode client_secret=SECRET \\',
          `  --data scope=https://graph.microsoft.com/.default | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
          `curl --cacert ca.crt --header "Authorization: Bearer $token" --header 'Content-Type: application/json' \\`,
          `  --data '{"title":"My first alert","severity":"low"}' ${location.origin}/api/v1/intake/graph`,
        ].join('\n')}
      </Command>
    </Step>
  )
}

function AgentStep() {
  const { api } = useApp()
  const hosts = useQuery({
    queryKey: ['agents'],
    refetchInterval: 15_000,
    queryFn: ({ signal }) => fetchAs(api, '/api/v1/agents', agents, signal),
  })
  const online = hosts.data?.value.filter(({ health }) => health === 'online') ?? []
  return (
    <Step name="Install an agent" done={online.length === 0 ? null : `${online.length} online`}>
      <p>
        The first line on the server prints a one-time token; the second, as root on the Linux host, lets it call home.
        This card turns green when it does.
      </p>
      <Command label="the commands for a host">
        {[
          'npx cordon agent token --data data',
          `cordon agent enroll --server ${location.origin} --token TOKEN --ca ca.crt && cordon agent run`,
        ].join('\n')}
      </Command>
      {online.length === 0 ? null : (
        <p>
          <Name>{online.map(({ hostName }) => hostName).join(', ')}</Name>
        </p>
      )}
    </Step>
  )
}

function PeopleStep() {
  return (
    <Step name="Invite people" done={null}>
      <p>Each person gets a role, and a link that signs them in once.</p>
      <Command label="the commands for a person">
        {[
          'npx cordon user create --name "Ada" --role responder --data data',
          'npx cordon user link --name "Ada" --data data',
        ].join('\n')}
      </Command>
    </Step>
  )
}

function Command({ label, children }: { label: string; children: string }) {
  const [isCopied, setCopied] = useState(false)
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(children)
    setCopied(true)
    announce('Copied')
  }
  return (
    <div className="flex flex-wrap items-start gap-2">
      <pre className="min-w-0 flex-1 rounded-box bg-sunken p-2 text-meta whitespace-pre-wrap">
        <code>{children}</code>
      </pre>
      <button type="button" className="button" aria-label={`Copy ${label}`} onClick={() => void copy()}>
        {isCopied ? 'Copied' : 'Copy'}
      </button>
    </div>
  )
}
