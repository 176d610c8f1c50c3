import { type ReactNode, type RefObject, useEffect, useState } from 'react'

/** Something to choose. */
export interface Pick {
  readonly id: string
  /** What typed letters are looked for in. */
  readonly words: string
  readonly shown: ReactNode
}

/** True when the letters stand in the text in this order. */
function fits(text: string, letters: string): boolean {
  let at = 0
  for (const letter of letters.toLowerCase().replaceAll(' ', '')) {
    at = text.toLowerCase().indexOf(letter, at) + 1
    if (at === 0) return false
  }
  return true
}

/** One of several, found by typing some of its letters, by the arrow keys or with the pointer. */
export function PickList(props: {
  readonly name: string
  readonly label: string
  /** Its name for several; the label with an s without. */
  readonly labels?: string
  readonly picks: readonly Pick[]
  readonly nothing: string
  /** Where the letters go; the dialog begins there. */
  readonly field: RefObject<HTMLInputElement | null>
  /** Something of the letters themselves, offered last. */
  readonly makePick?: (letters: string) => Pick
  readonly onPick: (id: string) => void
}) {
  const { name, label, labels = `${label}s`, picks, nothing, field, makePick, onPick } = props
  const [letters, setLetters] = useState('')
  const [chosen, choose] = useState(0)
  const fitting = picks.filter(({ words }) => fits(words, letters))
  const found = makePick === undefined || letters.trim() === '' ? fitting : [...fitting, makePick(letters.trim())]
  const current = found[chosen]
  const currentId = current === undefined ? undefined : `${name}-${current.id}`
  useEffect(() => {
    if (currentId !== undefined) document.getElementById(currentId)?.scrollIntoView({ block: 'nearest' })
  }, [currentId])
  return (
    <>
      <input
        ref={field}
        className="field mt-2"
        aria-label={label}
        role="combobox"
        aria-expanded="true"
        aria-controls={`${name}-list`}
        aria-activedescendant={currentId}
        value={letters}
        onChange={(event) => {
          setLetters(event.target.value)
          choose(0)
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') choose(Math.min(chosen + 1, found.length - 1))
          else if (event.key === 'ArrowUp') choose(Math.max(chosen - 1, 0))
          else if (event.key !== 'Enter') return
          else if (current !== undefined) onPick(current.id)
          event.preventDefault()
        }}
      />
      <div role="listbox" id={`${name}-list`} aria-label={labels} className="mt-2">
        {found.map(({ id, shown }, index) => (
          <div
            key={id}
            id={`${name}-${id}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            className={`flex min-h-7 cursor-pointer justify-between gap-3 rounded-box px-2 py-1 ${index === chosen ? 'bg-sunken font-medium' : ''}`}
            onClick={() => onPick(id)}
            onKeyDown={(event) => event.key === 'Enter' && onPick(id)}
          >
            {shown}
          </div>
        ))}
      </div>
      {found.length === 0 ? <p className="mt-2">{nothing}</p> : null}
    </>
  )
}
