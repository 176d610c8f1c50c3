import { verbOf } from '../../../shown/words.ts'
import { useApp } from '../../frame/app.tsx'
import { Badge, Name } from '../../parts/badges.tsx'
import { Link } from '../../parts/link.tsx'
import { Time } from '../../parts/time.tsx'
import { incidentPath, runPath } from '../../paths.ts'
import type { Containment } from './asset-query.ts'

const words: Readonly<Record<string, string>> = {
  isolateDevice: 'Isolated',
  restrictAppExecution: 'Programs restricted',
  disableUser: 'Disabled',
}

/** What such a run has made of its target, in a word. */
export function stateWord(actionType: string): string {
  return words[actionType] ?? verbOf(actionType)
}

/** What holds a thing, as short as it gets; that nothing does is said as well. */
export function ContainmentBadges({ contained }: { contained: readonly Containment[] }) {
  const states = [...new Set(contained.map(({ actionType }) => stateWord(actionType)))]
  if (states.length === 0) return <span className="text-ink-2">not cut off</span>
  return states.map((state) => (
    <Badge key={state} tone="high">
      {state}
    </Badge>
  ))
}

/** Whether a thing is cut off: since when, by whom, by which task, until when. */
export function ContainmentLines({ contained }: { contained: readonly Containment[] }) {
  if (contained.length === 0) return <p>Not cut off: no run of Cordon holds it.</p>
  return (
    <ul className="space-y-1">
      {contained.map((one) => (
        <li key={one.executionId} data-containment={one.actionType}>
          <ContainmentLine containment={one} />
        </li>
      ))}
    </ul>
  )
}

function ContainmentLine({ containment }: { containment: Containment }) {
  const { session } = useApp()
  const { actionType, since, until, by, executionId, incidentId } = containment
  return (
    <>
      <Badge tone="high">{stateWord(actionType)}</Badge> since <Time at={since} exact /> by <Name>{by}</Name>, by the
      task of <Link to={incidentPath(session.tenant.id, incidentId)}>incident {incidentId}</Link>
      {until === null ? ', until somebody releases it' : null}
      {until === null ? null : (
        <>
          , expires <Time at={until} />
        </>
      )}{' '}
      (<Link to={runPath(session.tenant.id, executionId)}>its run</Link>)
    </>
  )
}
