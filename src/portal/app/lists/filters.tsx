import { useEffect, useRef, useState } from 'react'
import { none } from '../api/odata.ts'
import { useCommands } from '../keys/bindings.ts'
import { Name } from '../parts/badges.tsx'
import { firstOf, type Search, valuesOf } from '../paths.ts'

/** A filter of which any number of values can be on: the key of the address, its word, the values as they are on the wire. */
export type Choice = readonly [key: string, word: string, values: readonly string[]]

interface FilterProps {
  readonly search: Search
  readonly change: (next: Search, isTyping?: boolean) => void
}

const words: Readonly<Record<string, string>> = {
  awaitingAction: 'awaiting action',
  awaitingApproval: 'awaiting approval',
  inProgress: 'in progress',
  notStarted: 'not started',
  partiallyCompleted: 'partly done',
  redirected: 'merged',
  informational: 'info',
  [none]: 'none',
}

/** A value of a filter in words; as it is on the wire where there are none. */
export function wordOf(value: string): string {
  return words[value] ?? value
}

/** The values of a filter in the address that there are; what somebody misspelt leaves nothing out. */
export function chosenOf(search: Search, [key, , values]: Choice): readonly string[] {
  return valuesOf(search, key).filter((value) => values.includes(value))
}

/** Buttons for the values of filters. Each change is a step in the history of the browser. */
export function Choices({ choices, search, change }: FilterProps & { choices: readonly Choice[] }) {
  return choices.map(([key, name, values]) => (
    <fieldset key={key} className="flex flex-wrap items-center gap-1">
      <legend className="float-start me-1 text-meta text-ink-2">{name}</legend>
      {[...values, ...valuesOf(search, key).filter((value) => !values.includes(value))].map((value) => {
        const held = valuesOf(search, key)
        const isOn = held.includes(value)
        return (
          <button
            key={value}
            type="button"
            aria-pressed={isOn}
            className={`button px-2 text-meta ${isOn ? 'bg-sunken font-semibold outline-1 outline-accent' : ''}`}
            onClick={() => change({ ...search, [key]: isOn ? held.filter((one) => one !== value) : [...held, value] })}
          >
            {isOn ? '✓ ' : ''}
            {wordOf(value)}
            {values.includes(value) ? '' : ' (not understood)'}
          </button>
        )
      })}
    </fieldset>
  ))
}

interface ChipsProps extends FilterProps {
  /** Their keys in the address, with their words. */
  readonly of: Readonly<Record<string, string>>
  /** Those of them that have only these values. */
  readonly known: readonly Choice[]
}

/** Filters beside those with buttons that are on, each to be taken away. */
export function Chips({ of, known, search, change }: ChipsProps) {
  return Object.entries(of).flatMap(([key, word]) => {
    const values = known.find(([one]) => one === key)?.[2]
    return valuesOf(search, key).map((value) => {
      const isStrange = values?.includes(value) === false
      return (
        <button
          key={`${key} ${value}`}
          type="button"
          className="button px-2 text-meta"
          aria-label={`Remove the filter ${word} ${wordOf(value)}${isStrange ? ', which is not understood' : ''}`}
          onClick={() => change({ ...search, [key]: valuesOf(search, key).filter((one) => one !== value) })}
        >
          {word}: <Name>{wordOf(value)}</Name> {isStrange ? '(not understood) ' : ''}✕
        </button>
      )
    })
  })
}

/** Times of the address that are none: they leave nothing out, and can be taken away. */
export function Strange({ keys, search, change }: FilterProps & { keys: readonly string[] }) {
  return keys.map((key) => (
    <button
      key={key}
      type="button"
      className="button px-2 text-meta"
      aria-label={`Remove ${key} ${firstOf(search, key)}, which is not understood`}
      onClick={() => change({ ...search, [key]: '' })}
    >
      {key}: <Name>{firstOf(search, key)}</Name> (not understood) ✕
    </button>
  ))
}

/** What a name is to contain. Typing is a step in the history only once it rests. */
export function NameFilter({ search, change }: FilterProps) {
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

/** A field of a filter that is sent as a whole; it shows what stands in the address. */
export function TypedFilter(props: { name: string; word: string; search: Search; placeholder?: string }) {
  const value = firstOf(props.search, props.name)
  return (
    <label className="text-meta text-ink-2">
      {props.word}
      <input
        key={value}
        className="field block w-40"
        name={props.name}
        placeholder={props.placeholder}
        defaultValue={value}
      />
    </label>
  )
}
