import { Badge } from '../../parts/badges.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { ImpactLines } from '../task/blast-radius.tsx'
import type { DryRun } from './proposal-query.ts'

/** What would happen, as far as it is known. It comes after the form can be used, and keeps nobody from sending. */
export function DryRunBox({ dryRun: { proposal, isAsking, error } }: { dryRun: DryRun }) {
  return (
    <section aria-label="Dry run" aria-busy={isAsking} className="mt-4 rounded-box bg-sunken p-3">
      <h3 className="font-semibold">Dry run</h3>
      {proposal === null ? null : <Refusal proposal={proposal} />}
      {proposal === null ? null : <ImpactLines preview={proposal} />}
      <p className="mt-2 text-meta text-ink-2">
        {isAsking ? (
          proposal === null ? (
            'Asking what would happen …'
          ) : (
            'Asking the target what it would do …'
          )
        ) : proposal === null ? (
          error ? (
            `No dry run: ${describeFailure(error)} It can be sent all the same.`
          ) : (
            'Nothing is named yet that it would act on.'
          )
        ) : (
          <>
            Nothing was done. Checked <Time at={proposal.readAt} />
          </>
        )}
      </p>
    </section>
  )
}

function Refusal({ proposal }: { proposal: NonNullable<DryRun['proposal']> }) {
  const { answer, managed } = proposal
  if (!answer.accepted) {
    return (
      <p className="my-2">
        <Badge tone="medium">Cannot run here</Badge> {answer.message ?? answer.code} It can be sent all the same, as
        guided: the customer sees this reason and does it by hand.
      </p>
    )
  }
  return managed.allowed ? null : (
    <p className="my-2">
      <Badge tone="medium">Not without the customer</Badge> {managed.reason}
    </p>
  )
}
