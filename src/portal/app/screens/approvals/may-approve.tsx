import { Fragment, type ReactNode } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import type { MayApprove } from '../../api/wire.ts'
import { Name } from '../../parts/badges.tsx'
import { Time } from '../../parts/time.tsx'

type Person = NonNullable<MayApprove['people']>[number]

/** Who may approve, and when each hears of it; what to do where nobody may. */
export function WhoMayApprove({ who }: { who: MayApprove }) {
  return (
    <>
      {writeWho(who)}
      {who.you.reason === null ? null : <span className="block text-meta text-ink-2">Not you: {who.you.reason}</span>}
    </>
  )
}

function writeWho({ count, people }: MayApprove): ReactNode {
  if (count === 0) {
    return 'Nobody may approve it: an admin gives somebody else the role approver (cordon user create --role approver, or Settings for a person of another tenant).'
  }
  if (people === null) return `${writeCount(count, 'person', 'people')} may approve.`
  return (
    <>
      May approve:{' '}
      {people.map((person, at) => (
        <Fragment key={person.id}>
          {at === 0 ? '' : ', '}
          <Name>{person.name}</Name>
          <Hears person={person} />
        </Fragment>
      ))}
      {count > people.length ? ` and ${count - people.length} more` : ''}
    </>
  )
}

/** What the server knows of it: whether a message goes out now. Whether anybody looks, nobody knows. */
function Hears({ person: { hears } }: { person: Person }) {
  if (hears.state === 'now') return ' (told at once)'
  if (hears.state !== 'later') return ' (gets no message)'
  return (
    <>
      {' '}
      (in quiet hours until <Time at={hears.until} exact />)
    </>
  )
}
