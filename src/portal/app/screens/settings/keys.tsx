import { useId, useState } from 'react'
import { setPreferences, usePreferences } from '../../frame/preferences.ts'
import { findRivals, type OwnKeys, tidyKeys, useKeys, whatIsWrong } from '../../keys/own-keys.ts'
import { bindings, type CommandId } from '../../keys/table.ts'
import { announce } from '../../live/announce.tsx'

const places = [...new Set(bindings.map(({ where }) => where))]

/** Every key there is, each to be changed or switched off. */
export default function Keys() {
  const { keys: own, letterKeys } = usePreferences()
  // Fields begin anew with what holds after all were reset.
  const [round, setRound] = useState(0)
  return (
    <section aria-label="Keys">
      <h2>Keys</h2>
      <p className="mt-1 text-meta text-ink-2">
        One key, two after each other, or Ctrl with a letter; an empty field is a command without keys. They are kept in
        this browser, for whoever uses it.
      </p>
      <label className="mt-2 flex items-center gap-2">
        <input
          type="checkbox"
          className="size-6"
          checked={letterKeys}
          onChange={(event) => setPreferences({ letterKeys: event.target.checked })}
        />
        Single letters act as commands
      </label>
      {places.map((where) => (
        <div key={where} className="mt-3">
          <h3>{where}</h3>
          <ul className="mt-1 space-y-1">
            {bindings
              .filter((binding) => binding.where === where)
              .map(({ id, does }) => (
                <KeyField key={`${id} ${round}`} id={id} does={does} own={own} />
              ))}
          </ul>
        </div>
      ))}
      {Object.keys(own).length === 0 ? null : (
        <button
          type="button"
          className="button mt-3"
          onClick={() => {
            setPreferences({ keys: {} })
            setRound(round + 1)
            announce('All keys are as they were at first.')
          }}
        >
          Reset all keys
        </button>
      )}
    </section>
  )
}

function KeyField({ id, does, own }: { id: CommandId; does: string; own: OwnKeys }) {
  const now = useKeys()
  const held = now.get(id) ?? ''
  const usual = usualOf(id)
  const [typed, setTyped] = useState(held)
  const trouble = useId()
  const fault = faultOf(id, tidyKeys(typed), now)
  const keep = (text: string): void => {
    setTyped(text)
    const keys = tidyKeys(text)
    if (faultOf(id, keys, now) !== null) return
    const { [id]: _before, ...others } = own
    setPreferences({ keys: keys === usual ? others : { ...others, [id]: keys } })
  }
  return (
    <li className="flex flex-wrap items-center gap-2">
      <label className="flex items-center gap-2">
        <input
          className="field w-24 font-mono"
          value={typed}
          placeholder="off"
          autoComplete="off"
          spellCheck={false}
          aria-invalid={fault !== null}
          aria-describedby={fault === null ? undefined : trouble}
          onChange={(event) => keep(event.target.value)}
        />
        {does}
      </label>
      {held === '' ? null : (
        <button type="button" className="button" aria-label={`Switch off: ${does}`} onClick={() => keep('')}>
          Off
        </button>
      )}
      {held === usual && fault === null ? null : (
        <button type="button" className="button" aria-label={`Reset to ${usual}: ${does}`} onClick={() => keep(usual)}>
          Reset
        </button>
      )}
      {fault === null ? null : (
        <span id={trouble} className="text-danger">
          {fault} {held === '' ? 'It stays off.' : `It stays ${held}.`}
        </span>
      )}
    </li>
  )
}

function usualOf(id: CommandId): string {
  return bindings.find((binding) => binding.id === id)?.keys ?? ''
}

function faultOf(id: CommandId, keys: string, now: ReadonlyMap<CommandId, string>): string | null {
  if (keys === '') return null
  const wrong = keys === usualOf(id) ? null : whatIsWrong(keys)
  if (wrong !== null) return wrong
  const rivals = findRivals(id, keys, now).map(
    (rival) => `“${bindings.find((binding) => binding.id === rival)?.does}” (${now.get(rival)})`,
  )
  return rivals.length === 0 ? null : `In the way of ${rivals.join(', ')}.`
}
