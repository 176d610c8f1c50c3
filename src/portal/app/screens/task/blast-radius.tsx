import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import { writeSpan, writeUsual } from '../../../shown/time-text.ts'
import type { Preview } from '../../api/wire.ts'
import { Badge, Name } from '../../parts/badges.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { WhoMayApprove } from '../approvals/may-approve.tsx'
import { effectOf } from './verbs.ts'

type Programs = NonNullable<NonNullable<NonNullable<Preview['target']>['state']>['programs']>

/** What would happen, asked of the server and, where it is online, of the target. */
export function BlastRadius({ preview }: { preview: UseQueryResult<Preview> }) {
  if (preview.isError) return <p className="mt-3 text-danger">No preview: {describeFailure(preview.error)}</p>
  if (preview.data === undefined) return <p className="mt-3 text-ink-2">Asking the target what it would do …</p>
  const { data } = preview
  return (
    <section aria-label="What would happen" className="mt-3 rounded-box bg-sunken p-3">
      <ImpactLines preview={data} />
      <p className="mt-2 text-meta text-ink-2">
        Checked <Time at={data.readAt} />
      </p>
    </section>
  )
}

/**
 * The same as a list of terms; also in the dialog before the button.
 * @param props.isBare the list is around it already
 */
export function ImpactLines({ preview, isBare = false }: { preview: Preview; isBare?: boolean }) {
  const { target, connections, policy, reversible, expectedDuration, connector } = preview
  const programs = target?.state?.programs ?? null
  const actionType = preview.target === null && !preview.answer.accepted ? null : preview
  const lines = (
    <>
      {target === null ? null : (
        <Line term="Target">
          <Name>{target.displayName}</Name>{' '}
          {target.online === null ? null : target.online ? (
            <Badge tone="done">online</Badge>
          ) : (
            <Badge tone="medium">offline: it waits for the host</Badge>
          )}{' '}
          {target.already === true ? <Badge>is so already</Badge> : null}
          {target.controlled ? null : <Badge tone="medium">nothing controls it</Badge>}
        </Line>
      )}
      <Line term="Done by">{connector?.name ?? 'nobody'}</Line>
      {actionType === null ? null : <Line term="Connections">{describeConnections(connections)}</Line>}
      {programs === null ? null : <Line term="Programs">{describePrograms(programs)}</Line>}
      {target === null || target.heldBy.length === 0 ? null : (
        <Line term="Also held by">{target.heldBy.map(({ incidentId }) => `incident ${incidentId}`).join(', ')}</Line>
      )}
      {policy === null ? null : (
        <Line term="Policy">
          Tier {policy.tier}
          {policy.approvals > 0
            ? `, needs ${writeCount(policy.approvals, 'approval', 'approvals')}`
            : ', no approval needed'}
          {policy.reasons.map(({ policy: name, reason }) => (
            <span key={`${name} ${reason}`} className="block text-meta text-ink-2">
              {reason}
            </span>
          ))}
        </Line>
      )}
      {preview.mayApprove === null ? null : (
        <Line term="Approval">
          <WhoMayApprove who={preview.mayApprove} />
        </Line>
      )}
      <Line term="Reversible">
        {reversible.possible ? `Yes, by ${reversible.how}` : `Cannot be undone: ${reversible.how}`}
      </Line>
      <Line term="Usually takes">{expectedDuration === null ? 'not known yet' : writeUsual(expectedDuration)}</Line>
      <Line term="Given up after">{writeSpan(preview.deadlineSeconds)}</Line>
    </>
  )
  if (isBare) return lines
  return <dl className="grid grid-cols-[7.5rem_1fr] gap-x-3 gap-y-1 max-sm:grid-cols-1">{lines}</dl>
}

/** The effect of an action in one line. */
export function Effect({ actionType }: { actionType: string }) {
  return <p className="max-w-[72ch]">{effectOf(actionType)}</p>
}

function describeConnections({ known, reason, total, listed }: Preview['connections']): ReactNode {
  if (!known) return reason ?? 'not known'
  if (total === 0) return 'none open'
  return (
    <>
      {total} would be cut
      {listed.slice(0, 5).map((one) => (
        <code key={one} className="block text-meta">
          {one}
        </code>
      ))}
    </>
  )
}

function describePrograms({ seen, denied, running, listed, services, allowed }: Programs): ReactNode {
  return (
    <>
      {denied} of {seen} seen in 7 days would not start any more, {running} of them run now
      {listed.slice(0, 5).map((one) => (
        <code key={one} className="block text-meta">
          {one}
        </code>
      ))}
      {services === null || services.length === 0 ? null : (
        <span className="block">
          Services that could not be started again:
          {services.slice(0, 5).map((one) => (
            <code key={one} className="block text-meta">
              {one}
            </code>
          ))}
        </span>
      )}
      {allowed.length === 0 ? null : (
        <span className="block">
          Allowed beside packages:
          {allowed.slice(0, 5).map((one) => (
            <code key={one} className="block text-meta">
              {one}
            </code>
          ))}
        </span>
      )}
    </>
  )
}

/** One of them. */
export function Line({ term, children }: { term: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-ink-2">{term}</dt>
      <dd>{children}</dd>
    </>
  )
}
