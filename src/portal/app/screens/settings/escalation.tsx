import { useState } from 'react'
import { Button } from '../../parts/button.tsx'
import { describeFailure } from '../../parts/states.tsx'
import {
  type Channel,
  type Escalation,
  type Step,
  type Stored,
  useEscalation,
  usePeople,
  useSave,
} from './notification-query.ts'
import { Check, SeverityField } from './wish.tsx'

/** What happens when nobody acknowledges. */
export function EscalationEditor({ channels }: { channels: readonly Channel[] }) {
  const stored = useEscalation()
  return (
    <section aria-labelledby="escalation">
      <h2 id="escalation">When nobody acknowledges</h2>
      {stored.data === undefined ? null : (
        // What another admin saves meanwhile is met when this one saves.
        <EscalationForm key={stored.data.etag} stored={stored.data} channels={channels} />
      )}
    </section>
  )
}

function EscalationForm({ stored, channels }: { stored: Stored<Escalation>; channels: readonly Channel[] }) {
  const [draft, setDraft] = useState(stored.value)
  const save = useSave('escalation')
  const isChanged = JSON.stringify(draft) !== JSON.stringify(stored.value)
  const setSteps = (steps: readonly Step[]): void => setDraft({ ...draft, steps })
  const next = (draft.steps.at(-1)?.afterMinutes ?? 0) + 5
  return (
    <div className="box mt-1 p-4">
      <SeverityField value={draft.minSeverity} set={(minSeverity) => setDraft({ ...draft, minSeverity })} />
      <ol className="mt-3 space-y-3">
        {draft.steps.map((step, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: steps are told apart by their place alone
          <li key={index}>
            <StepFields
              step={step}
              number={index + 1}
              channels={channels}
              set={(changed) => setSteps(draft.steps.map((one, at) => (at === index ? changed : one)))}
              remove={() => setSteps(draft.steps.filter((_, at) => at !== index))}
            />
          </li>
        ))}
      </ol>
      {save.isError ? (
        <p role="alert" className="mt-2 text-danger">
          {describeFailure(save.error)}
        </p>
      ) : null}
      <div className="mt-3 flex flex-wrap gap-2">
        <Button
          off={draft.steps.length < 10 ? null : 'Ten steps are the most.'}
          onPress={() =>
            setSteps([...draft.steps, { afterMinutes: next, channels: [], people: [], ignoreQuietHours: false }])
          }
        >
          Add a step
        </Button>
        <Button
          kind="primary"
          off={save.isPending ? 'Saving …' : isChanged ? null : 'Nothing is changed.'}
          onPress={() => save.mutate({ value: draft, etag: stored.etag })}
        >
          Save the escalation
        </Button>
      </div>
    </div>
  )
}

interface StepProps {
  readonly step: Step
  readonly number: number
  readonly channels: readonly Channel[]
  readonly set: (step: Step) => void
  readonly remove: () => void
}

function StepFields({ step, number, channels, set, remove }: StepProps) {
  const people = usePeople()
  const toggle = (list: readonly string[], id: string, isOn: boolean): readonly string[] =>
    isOn ? [...list, id] : list.filter((one) => one !== id)
  return (
    <fieldset className="rounded-box bg-sunken p-3">
      <legend className="font-medium">Step {number}</legend>
      <label className="block">
        After minutes
        <input
          className="field"
          type="number"
          min={1}
          max={1440}
          value={step.afterMinutes}
          onChange={(event) => set({ ...step, afterMinutes: event.target.valueAsNumber || 1 })}
        />
      </label>
      {channels.map(({ id, name }) => (
        <Check
          key={id}
          label={name}
          isOn={step.channels.includes(id)}
          set={(isOn) => set({ ...step, channels: toggle(step.channels, id, isOn) })}
        />
      ))}
      {people.data?.map(({ id, name, role }) => (
        <Check
          key={id}
          label={`${name} (${role})`}
          isOn={step.people.includes(id)}
          set={(isOn) => set({ ...step, people: toggle(step.people, id, isOn) })}
        />
      ))}
      <Check
        label="Also in people's quiet hours"
        isOn={step.ignoreQuietHours}
        set={(ignoreQuietHours) => set({ ...step, ignoreQuietHours })}
      />
      <Button label={`Remove step ${number}`} onPress={remove}>
        Remove
      </Button>
    </fieldset>
  )
}
