import { noticeEvents, noticeSeverities } from '../../../../model/notices/notice.ts'
import { Name } from '../../parts/badges.tsx'

const words: Readonly<Record<(typeof noticeEvents)[number], string>> = {
  awaitingAction: 'A task waits for review',
  highSeverityIncident: 'A new incident of high severity',
  approvalRequested: 'An action waits for approval',
  executionFailed: 'An action failed',
  outcomeUnknown: 'The outcome of an action is unknown',
  managedActionRan: 'A managed action was carried out',
}

/** Which events, and from which severity on. */
export function WishFields(props: {
  events: readonly string[]
  minSeverity: string
  set: (wish: { events?: readonly string[]; minSeverity?: string }) => void
}) {
  const { events, minSeverity, set } = props
  return (
    <>
      <fieldset className="mt-3">
        <legend className="font-medium">Tell of</legend>
        {noticeEvents.map((event) => (
          <Check
            key={event}
            label={words[event]}
            isOn={events.includes(event)}
            set={(isOn) => set({ events: noticeEvents.filter((one) => (one === event ? isOn : events.includes(one))) })}
          />
        ))}
      </fieldset>
      <SeverityField value={minSeverity} set={(value) => set({ minSeverity: value })} />
    </>
  )
}

/** From which severity on. */
export function SeverityField({ value, set }: { value: string; set: (value: string) => void }) {
  return (
    <label className="mt-3 block">
      From this severity on
      <select className="field" value={value} onChange={(event) => set(event.target.value)}>
        {noticeSeverities.map((severity) => (
          <option key={severity}>{severity}</option>
        ))}
      </select>
    </label>
  )
}

/** One box to tick. */
export function Check({ label, isOn, set }: { label: string; isOn: boolean; set: (isOn: boolean) => void }) {
  return (
    <label className="flex min-h-7 items-center gap-2">
      <input type="checkbox" className="size-6" checked={isOn} onChange={(event) => set(event.target.checked)} />
      <Name>{label}</Name>
    </label>
  )
}
