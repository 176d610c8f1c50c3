import { useEffect, useRef, useState } from 'react'
import { useCommands } from '../../keys/bindings.ts'
import { firstOf, type Search, valuesOf } from '../../paths.ts'

const choices = [
  ['status', 'Status', ['active', 'awaitingAction', 'inProgress', 'resolved', 'redirected']],
  ['severity', 'Severity', ['high', 'medium', 'low', 'informational', 'unknown']],
] as const

const words: Readonly<Record<string, string>> = {
  awaitingAction: 'awaiting action',
  inProgress: 'in progress',
  redirected: 'merged',
  informational: 'info',
}

/** The filters of the queue. Each change is a step in the history of the browser, typing only once it rests. */
export function Filters({ search, change }: { search: Search; change: (next: Search, isTyping?: boolean) => void }) {
  return (
    <search className="flex flex-wrap items-center gap-x-4 gap-y-2">
      <NameFilter search={search} change={change} />
      {choices.map(([key, name, values]) => (
        <fieldset key={key} className="flex flex-wrap items-center gap-1">
          <legend className="float-left mr-1 text-meta text-ink-2">{name}</legend>
          {values.map((value) => {
            const held = valuesOf(search, key)
            const isOn = held.includes(value)
            return (
              <button
                key={value}
                type="button"
                aria-pressed={isOn}
                className={`button px-2 text-meta ${isOn ? 'bg-sunken font-semibold outline-1 outline-accent' : ''}`}
                onClick={() =>
                  change({ ...search, [key]: isOn ? held.filter((one) => one !== value) : [...held, value] })
                }
              >
                {isOn ? '✓ ' : ''}
                {words[value] ?? value}
              </button>
            )
          })}
        </fieldset>
      ))}
      <label className="flex items-center gap-1 text-meta text-ink-2">
        Order
        <select
          className="field w-auto"
          value={firstOf(search, 'sort') || 'newest'}
          onChange={(event) => change({ ...search, sort: event.target.value === 'newest' ? '' : event.target.value })}
        >
          <option value="newest">newest first</option>
          <option value="updated">last changed first</option>
          <option value="severity">severity</option>
        </select>
      </label>
    </search>
  )
}

function NameFilter({ search, change }: { search: Search; change: (next: Search, isTyping?: boolean) => void }) {
  const input = useRef<HTMLInputElement>(null)
  const stated = firstOf(search, 'q')
  const [typed, setTyped] = useState(stated)
  useEffect(() => setTyped(stated), [stated])
  useEffect(() => {
    if (typed === stated) return
    const timer = setTimeout(() => change({ ...search, q: typed }, true), 250)
    return () => clearTimeout(timer)
  }, [typed, stated, search, change])
  useCommands({ filter: () => input.current?.focus() })
  return (
    <input
      ref={input}
      type="search"
      className="field w-56"
      aria-label="Filter by name"
      placeholder="Name contains"
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  )
}
