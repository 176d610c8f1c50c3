import { useMutation } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useExecutions } from '../../api/queries.ts'
import { listOf, readWith } from '../../api/read.ts'
import { ApiError } from '../../api/session.ts'
import { useApp } from '../../frame/app.tsx'
import { FailedScreen } from '../../frame/failed.tsx'
import { NotFound } from '../../frame/not-found.tsx'
import { Title } from '../../frame/title.tsx'
import { Badge, Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Heads } from '../../parts/grid.tsx'
import { Link } from '../../parts/link.tsx'
import { offerFile } from '../../parts/offer-file.ts'
import { describeFailure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { incidentPath, runPath, taskPath } from '../../paths.ts'
import { Proof, runTones } from '../task/runs.tsx'
import { Exchange } from './exchange.tsx'
import { targetOutcome, useRun, type WholeRun } from './run-query.ts'

/** S5: one run or undo, whole. */
export function RunScreen() {
  const { id = '' } = useParams({ strict: false })
  const run = useRun(id)
  if (run.error instanceof ApiError && run.error.status === 404) return <NotFound />
  if (run.isError && run.data === undefined)
    return <FailedScreen what="The run" error={run.error} retry={() => void run.refetch()} />
  if (run.data === undefined) return <Skeleton />
  return <Whole run={run.data} />
}

function Whole({ run }: { run: WholeRun }) {
  const { session } = useApp()
  const what = `${run.kind === 'undo' ? 'Undo' : 'Run'}: ${run.taskDisplayName}`
  const task = { id: run.taskId, incident: { id: run.incidentId } }
  return (
    <div className="space-y-4 p-4" data-run-id={run.id} data-run-state={run.state}>
      <header>
        <Title text={what}>
          <Name>{what}</Name>
        </Title>
        <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-meta text-ink-2">
          <Badge tone={runTones[run.state] ?? 'low'}>{run.state}</Badge>
          {run.holds ? <Badge>in effect</Badge> : null}
          <code>{run.id}</code>
          <span>through {run.connector ?? 'nobody'}</span>
          <Link to={taskPath(session.tenant.id, task)} className="alone">
            Task
          </Link>
          <Link to={incidentPath(session.tenant.id, run.incidentId)} className="alone">
            INC-{run.incidentId}
          </Link>
        </p>
        {run.reason === null ? null : (
          <p className="mt-2 max-w-[72ch]">
            {run.reasonCode === null ? '' : `${run.reasonCode}: `}
            <Name>{run.reason}</Name>
          </p>
        )}
        <Others run={run} />
      </header>
      <Steps run={run} />
      <Targets run={run} />
      {run.result?.proof ? (
        <Section name="Verification">
          <Proof run={run} />
        </Section>
      ) : null}
      <Package run={run} />
      <Exchange run={run} />
    </div>
  )
}

function Section({ name, children }: { name: string; children: ReactNode }) {
  return (
    <section aria-label={name} className="box p-4">
      <h2>{name}</h2>
      {children}
    </section>
  )
}

/** The other runs of the task: what this one takes back or tries again, and what does so with this one. */
function Others({ run }: { run: WholeRun }) {
  const { session } = useApp()
  const all = useExecutions(run.taskId, true).data ?? []
  const link = (words: string, id: string): ReactNode => (
    <Link key={`${words} ${id}`} to={runPath(session.tenant.id, id)} className="alone">
      {words}
    </Link>
  )
  const links = [
    ...(run.undoes === null ? [] : [link('Takes this run back', run.undoes)]),
    ...(run.supersedes === null ? [] : [link('Tries this run again', run.supersedes)]),
    ...all
      .filter(({ undoes }) => undoes === run.id)
      .map(({ id, state }) => link(`Taken back by an undo (${state})`, id)),
    ...all.filter(({ supersedes }) => supersedes === run.id).map(({ id, state }) => link(`Tried again (${state})`, id)),
    ...all
      .filter(({ id, kind, undoes, supersedes }) => {
        const isLinked = id === run.undoes || id === run.supersedes || undoes === run.id || supersedes === run.id
        return kind === 'run' && id !== run.id && !isLinked
      })
      .map(({ id, state }) => link(`Another run (${state})`, id)),
  ]
  return links.length === 0 ? null : <p className="mt-2 flex flex-wrap gap-x-4">{links}</p>
}

/** Every state it reached, with what led there. */
function Steps({ run }: { run: WholeRun }) {
  const steps = [
    {
      at: run.requestedAt,
      state: 'requested',
      by: run.requestedBy.name ?? run.requestedBy.id,
      code: null,
      reason: null,
    },
    ...run.steps,
  ]
  const taken = run.steps.filter(({ state }) => state === 'dispatching').length
  return (
    <Section name="Steps">
      <ol className="mt-2 space-y-1">
        {steps.map(({ at, state, by, code, reason }, index) => (
          <li
            // biome-ignore lint/suspicious/noArrayIndexKey: a state may be reached twice in one instant; the list only grows at its end
            key={index}
            className="flex flex-wrap items-baseline gap-x-3 border-s-2 border-line ps-3"
          >
            <span className="text-meta text-ink-2">
              <Time at={at} exact />
            </span>
            <strong>{state}</strong>
            <span className="text-meta text-ink-2">
              <Name>{by}</Name>
            </span>
            {code === null && reason === null ? null : (
              <span className="max-w-[72ch]">
                {code === null ? '' : `${code}: `}
                <Name>{reason ?? ''}</Name>
              </span>
            )}
          </li>
        ))}
      </ol>
      <p className="mt-2 text-meta text-ink-2">
        {taken === 0 ? 'Not handed over.' : taken === 1 ? 'Handed over once.' : `Handed over ${taken} times.`} Given up
        at <Time at={run.notAfter} exact />.
      </p>
    </Section>
  )
}

function Targets({ run }: { run: WholeRun }) {
  const listed = run.result?.targets ? readWith(listOf(targetOutcome), run.result.targets) : []
  const rows =
    listed.length > 0
      ? listed
      : run.target === null
        ? []
        : [{ ref: run.target.key, displayName: run.target.displayName, state: run.state, code: null, detail: null }]
  const done = rows.filter(({ state }) => state === 'succeeded' || state === 'already').length
  return (
    <Section name="Targets">
      <p className="text-meta text-ink-2">
        {done} of {rows.length} done
      </p>
      <table className="mt-2 w-full text-table wrap-anywhere">
        <Heads names={['Target', 'State', 'Why']} />
        <tbody>
          {rows.map(({ ref, displayName, state, code, detail }) => (
            <tr key={ref} data-target={ref} className="border-b border-line align-top">
              <td className="px-3 py-1">
                <Name>{displayName}</Name>
              </td>
              <td className="px-3 py-1">{state}</td>
              <td className="px-3 py-1">
                {code === null ? '' : `${code}: `}
                <Name>{detail ?? ''}</Name>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  )
}

/** What a run has brought from its host, to be saved; the archive is the host's and is never opened here. */
function Package({ run }: { run: WholeRun }) {
  const { api, may, isAuditor } = useApp()
  const newest = useExecutions(run.taskId, true).data?.find(
    ({ kind, state }) => kind === 'run' && state === 'succeeded',
  )
  const load = useMutation({
    mutationFn: async () => {
      const path = `/api/v1/tasks/${encodeURIComponent(run.taskId)}/package`
      const answer = await api.open(path, new AbortController().signal, '*/*')
      offerFile(new Uint8Array(await answer.arrayBuffer()), `package-${run.id}.zip`)
    },
  })
  if (run.actionType !== 'collectInvestigationPackage' || newest?.id !== run.id || isAuditor) return null
  const right = may('SecurityIncidentTask.TakeAction.ReadWrite.All')
    ? null
    : 'Needs a responder, an expert or an admin; an admin grants it.'
  return (
    <Section name="Investigation package">
      <p className="mt-1 max-w-[72ch]">A ZIP archive made by the host. Each download stands in the audit log.</p>
      <div className="mt-2">
        <Button off={load.isPending ? 'Loading …' : right} onPress={() => load.mutate()}>
          Save the package
        </Button>
      </div>
      {load.isError ? (
        <p role="alert" className="mt-2 text-danger">
          {describeFailure(load.error)}
        </p>
      ) : null}
    </Section>
  )
}
