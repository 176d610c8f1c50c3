import { useState } from 'react'
import { Button } from '../../parts/button.tsx'
import { describeFailure, Failure, Skeleton } from '../../parts/states.tsx'
import { type OwnSettings, type Stored, useOwnSettings, useSave } from './notification-query.ts'
import { Check, WishFields } from './wish.tsx'

/** How this person wants to be told. */
export default function OwnNotifications() {
  const stored = useOwnSettings()
  return (
    <section aria-labelledby="own-notifications">
      <h2 id="own-notifications">How you are told</h2>
      {stored.data === undefined ? (
        stored.isError ? (
          <Failure error={stored.error} retry={() => void stored.refetch()} />
        ) : (
          <Skeleton rows={3} />
        )
      ) : (
        <OwnForm stored={stored.data} refetch={() => void stored.refetch()} />
      )}
    </section>
  )
}

function OwnForm({ stored, refetch }: { stored: Stored<OwnSettings>; refetch: () => void }) {
  const [base, setBase] = useState(stored)
  const [draft, setDraft] = useState(stored.value)
  const save = useSave('settings')
  const isChanged = JSON.stringify(draft) !== JSON.stringify(base.value)
  // What was read anew takes the place of the old, unless somebody is typing.
  if (!isChanged && stored.etag !== base.etag) {
    setBase(stored)
    setDraft(stored.value)
  }
  const set = (change: Partial<OwnSettings>): void => setDraft({ ...draft, ...change })
  const isStale = isChanged && stored.etag !== base.etag
  return (
    <div className="box mt-1 p-4">
      <label className="block">
        Mail address
        <input
          className="field"
          type="email"
          autoComplete="email"
          value={draft.mail ?? ''}
          onChange={(event) => set({ mail: event.target.value === '' ? null : event.target.value })}
        />
        <span className="text-meta text-ink-2">Without one you get no mail.</span>
      </label>
      <WishFields events={draft.events} minSeverity={draft.minSeverity} set={set} />
      <Quiet value={draft.quietHours} set={(quietHours) => set({ quietHours })} />
      {save.isError ? (
        <p role="alert" className="mt-2 text-danger">
          {describeFailure(save.error)}
        </p>
      ) : null}
      <div className="mt-3 flex flex-wrap gap-2">
        <Button
          kind="primary"
          off={save.isPending ? 'Saving …' : isChanged ? null : 'Nothing is changed.'}
          onPress={() =>
            save.mutate(
              { value: draft, etag: base.etag },
              { onSuccess: () => setBase({ ...base, value: draft }), onError: refetch },
            )
          }
        >
          Save how you are told
        </Button>
        {isStale ? (
          <Button
            onPress={() => {
              setBase(stored)
              setDraft(stored.value)
            }}
          >
            Take what is stored
          </Button>
        ) : null}
      </div>
    </div>
  )
}

type QuietHours = NonNullable<OwnSettings['quietHours']>

function Quiet({ value, set }: { value: QuietHours | null; set: (value: QuietHours | null) => void }) {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone
  return (
    <fieldset className="mt-3">
      <legend className="font-medium">Quiet hours</legend>
      <Check
        label="Leave me alone at night"
        isOn={value !== null}
        set={(isOn) => set(isOn ? { from: '22:00', to: '07:00', timeZone: here, highBreaksThrough: true } : null)}
      />
      {value === null ? null : (
        <div className="flex flex-wrap items-end gap-3">
          <label>
            From
            <input
              className="field"
              type="time"
              value={value.from}
              onChange={(event) => set({ ...value, from: event.target.value })}
            />
          </label>
          <label>
            To
            <input
              className="field"
              type="time"
              value={value.to}
              onChange={(event) => set({ ...value, to: event.target.value })}
            />
          </label>
          <label className="min-w-0">
            Time zone
            <select
              className="field"
              value={value.timeZone}
              onChange={(event) => set({ ...value, timeZone: event.target.value })}
            >
              {[...new Set(['UTC', here, value.timeZone, ...Intl.supportedValuesOf('timeZone')])].map((zone) => (
                <option key={zone}>{zone}</option>
              ))}
            </select>
          </label>
          <Check
            label="High severity may wake me"
            isOn={value.highBreaksThrough}
            set={(highBreaksThrough) => set({ ...value, highBreaksThrough })}
          />
        </div>
      )}
    </fieldset>
  )
}
