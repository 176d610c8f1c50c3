import { useNavigate } from '@tanstack/react-router'
import { useApp } from '../../frame/app.tsx'
import { Button } from '../../parts/button.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { screenPath } from '../../paths.ts'
import { useSampleChange, useSamples } from './samples.ts'

/** Says on the sample incident that nothing of it happened, and takes it away in one press. */
export default function SampleBanner({ incidentId }: { incidentId: string }) {
  const { session, may } = useApp()
  const navigate = useNavigate()
  const samples = useSamples()
  const remove = useSampleChange('DELETE', () => navigate({ href: screenPath(session.tenant.id, 'incidents') }))
  if (samples.data?.incidentId !== incidentId) return null
  return (
    <div className="box flex flex-wrap items-center gap-3 p-3" data-sample={incidentId}>
      <span>
        <strong>SAMPLE.</strong> Nothing of this happened. A run on its host is a dry run: it shows every step and does
        nothing.
      </span>
      {may('Cordon.Admin') ? (
        <Button off={remove.isPending ? 'Removing …' : null} onPress={() => remove.mutate()}>
          Remove the sample
        </Button>
      ) : null}
      {remove.isError ? (
        <p role="alert" className="text-danger">
          {describeFailure(remove.error)}
        </p>
      ) : null}
    </div>
  )
}
