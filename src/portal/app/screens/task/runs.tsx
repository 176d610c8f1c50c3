import { writeAhead, writeUsual } from '../../../shown/time-text.ts'
import type { Tone } from '../../../shown/words.ts'
import type { Execution } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Badge, Name } from '../../parts/badges.tsx'
import { Link } from '../../parts/link.tsx'
import { Time } from '../../parts/time.tsx'
import { runPath } from '../../paths.ts'

/** How the state of a run is coloured. */
export const runTones: Readonly<Record<string, Tone>> = {
  succeeded: 'done',
  partial: 'medium',
  unknown: 'medium',
  awaitingApproval: 'medium',
  failed: 'failed',
  refused: 'failed',
  expired: 'failed',
  cancelled: 'quiet',
}

const steps = ['queued', 'dispatching', 'delivered', 'running', 'verifying', 'succeeded']

/** The runs of a task, newest first: how far each is, and what proves its effect. On a card, which names the task, they need no name. */
export function Runs({ runs, isOpen, of }: { runs: readonly Execution[]; isOpen: boolean; of?: string }) {
  return (
    <section aria-label={of === undefined ? undefined : `Runs of ${of}`} className="mt-3 space-y-3">
      {runs.slice(0, isOpen ? 20 : 1).map((run) => (
        <Run key={run.id} run={run} isOpen={isOpen} />
      ))}
    </section>
  )
}

function Run({ run, isOpen }: { run: Execution; isOpen: boolean }) {
  const { session } = useApp()
  return (
    <div data-run-id={run.id} data-run-state={run.state} className="border-s-2 border-line ps-3">
      <p className="flex flex-wrap items-center gap-2">
        <Link to={runPath(session.tenant.id, run.id)} className="alone">
          {run.kind === 'undo' ? 'Undo' : 'Run'}
        </Link>
        <Badge tone={runTones[run.state] ?? 'low'}>{run.state}</Badge>
        <span className="text-meta text-ink-2">
          by <Name>{run.requestedBy.name ?? 'nobody named'}</Name> <Time at={run.requestedAt} />
          {run.connector === null ? '' : ` through ${run.connector}`}
        </span>
        {run.holds ? <Badge>in effect</Badge> : null}
      </p>
      {isOpen ? <Stepper run={run} /> : null}
      {run.reason === null ? null : (
        <p className="mt-1">
          <Name>{run.reason}</Name>
        </p>
      )}
      {run.state === 'queued' || run.state === 'dispatching' ? (
        <p className="text-meta text-ink-2">
          Queued; retries until <Time at={run.notAfter} exact />
          {writeAhead(run.notAfter, Date.now())}
        </p>
      ) : null}
      {run.expectedDuration === null || run.state === 'awaitingApproval' ? null : (
        <p className="text-meta text-ink-2">Usually {writeUsual(run.expectedDuration)}.</p>
      )}
      {run.approval === null ? null : (
        <p className="text-meta text-ink-2">
          Approval {run.approval.state}, {run.approval.agreed} of {run.approval.required} agreed, until{' '}
          <Time at={run.approval.expiresAt} exact />
        </p>
      )}
      {isOpen ? <Proof run={run} /> : null}
    </div>
  )
}

function Stepper({ run }: { run: Execution }) {
  const at = steps.indexOf(run.state)
  const times: Readonly<Record<string, string | null>> = {
    queued: run.queuedAt,
    running: run.startedAt,
    succeeded: run.finishedAt,
  }
  if (at < 0 && run.finishedAt === null) return null
  return (
    <ol aria-label="Steps" className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-meta text-ink-2">
      {steps.map((step, index) => (
        <li
          key={step}
          aria-current={index === at ? 'step' : undefined}
          className={index === at ? 'font-semibold text-ink' : ''}
        >
          <span aria-hidden="true">{at >= index && at >= 0 ? '●' : '○'}</span>{' '}
          {step === 'succeeded' && at < 0 ? run.state : step}
          {times[step] ? (
            <>
              {' '}
              <Time at={times[step] ?? null} exact />
            </>
          ) : null}
        </li>
      ))}
    </ol>
  )
}

/** What was read back after the effect; nothing where nothing was. */
export function Proof({ run }: { run: Pick<Execution, 'result'> }) {
  const proof = run.result?.proof
  if (!proof) return null
  return (
    <div className="mt-2">
      <p className="text-meta text-ink-2">
        Proof, {proof.level}: {proof.method}, <Time at={proof.observedAt} exact />
      </p>
      <table className="mt-1 text-meta">
        <thead>
          <tr className="text-ink-2">
            <th className="pe-4 font-medium">Check</th>
            <th className="pe-4 font-medium">Wanted</th>
            <th className="font-medium">Found</th>
          </tr>
        </thead>
        <tbody>
          {proof.checks.map((check) => (
            <tr key={check.name} className="align-top">
              <td className="pe-4">{check.name}</td>
              <td className="pe-4">{check.want}</td>
              <td>{check.got}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
