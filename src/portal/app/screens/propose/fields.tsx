import { useId } from 'react'
import { type ActionType, actionTypes } from '../../../../model/actions.ts'
import { verbOf } from '../../../shown/words.ts'
import { type Draft, minWhyLetters, namesTarget, urgencies } from './draft.ts'

/** The fields of a proposal. */
export function ProposeFields(props: {
  draft: Draft
  names: readonly string[]
  actions: readonly ActionType[]
  change: (part: Partial<Draft>) => void
}) {
  const { draft, names, actions, change } = props
  return (
    <div className="mt-3 space-y-3">
      <label className="block">
        Action
        <select
          className="field"
          value={draft.actionType}
          onChange={(event) => change({ actionType: actionTypes.find((one) => one === event.target.value) ?? 'text' })}
        >
          {actions.map((type) => (
            <option key={type} value={type}>
              {type === 'text' ? 'For people (text)' : verbOf(type)}
            </option>
          ))}
        </select>
      </label>
      {namesTarget(draft) ? <Target value={draft.target} names={names} set={(target) => change({ target })} /> : null}
      <label className="block">
        Title
        <input className="field" value={draft.title} onChange={(event) => change({ title: event.target.value })} />
      </label>
      <Why value={draft.why} set={(why) => change({ why })} />
      <label className="block">
        Urgency
        <select
          className="field"
          value={draft.urgency}
          onChange={(event) =>
            change({ urgency: urgencies.find(([one]) => one === event.target.value)?.[0] ?? draft.urgency })
          }
        >
          {urgencies.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </label>
    </div>
  )
}

function Why({ value, set }: { value: string; set: (text: string) => void }) {
  const left = minWhyLetters - value.trim().length
  const hint = useId()
  return (
    <div>
      <label className="block">
        Why (required)
        <textarea
          className="field"
          rows={3}
          aria-required
          aria-describedby={hint}
          value={value}
          onChange={(event) => set(event.target.value)}
        />
      </label>
      <span id={hint} className="text-meta text-ink-2">
        {left > 0 ? `At least ${minWhyLetters} letters, ${left} to go.` : 'The customer reads it as you write it.'}
      </span>
    </div>
  )
}

function Target({ value, names, set }: { value: string; names: readonly string[]; set: (name: string) => void }) {
  return (
    <label className="block">
      Target
      <input
        className="field font-mono"
        list="known-targets"
        value={value}
        onChange={(event) => set(event.target.value)}
      />
      <datalist id="known-targets">
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </label>
  )
}
