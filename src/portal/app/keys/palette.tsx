import { useState } from 'react'
import { Modal } from '../parts/modal.tsx'
import { isInForce, runCommand } from './bindings.ts'
import { useKeys } from './own-keys.ts'
import { bindings, type CommandId } from './table.ts'

/** True when the letters stand in the text in this order. */
function fits(text: string, letters: string): boolean {
  let at = 0
  for (const letter of letters.toLowerCase().replaceAll(' ', '')) {
    at = text.toLowerCase().indexOf(letter, at) + 1
    if (at === 0) return false
  }
  return true
}

/** Every command that works here, found by typing some of its letters. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const keysOf = useKeys()
  const [letters, setLetters] = useState('')
  const [chosen, choose] = useState(0)
  const found = bindings.filter(({ id, does }) => id !== 'palette' && isInForce(id) && fits(does, letters))
  const run = (id: CommandId | undefined): void => {
    if (id === undefined) return
    onClose()
    // The command may put the focus somewhere: after the palette has given it back.
    setTimeout(() => runCommand(id), 0)
  }
  return (
    <Modal title="Commands" onClose={onClose}>
      <input
        className="field mt-2"
        aria-label="Command"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found[chosen] === undefined ? undefined : `palette-${found[chosen].id}`}
        value={letters}
        onChange={(event) => {
          setLetters(event.target.value)
          choose(0)
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') choose(Math.min(chosen + 1, found.length - 1))
          else if (event.key === 'ArrowUp') choose(Math.max(chosen - 1, 0))
          else if (event.key === 'Enter') run(found[chosen]?.id)
          else return
          event.preventDefault()
        }}
      />
      <div role="listbox" id="palette-list" aria-label="Commands" className="mt-2">
        {found.map(({ id, does }, index) => (
          <div
            key={id}
            id={`palette-${id}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            className={`flex min-h-7 cursor-pointer justify-between rounded-box px-2 py-1 ${index === chosen ? 'bg-sunken font-medium' : ''}`}
            onClick={() => run(id)}
            onKeyDown={(event) => event.key === 'Enter' && run(id)}
          >
            <span>{does}</span>
            <kbd>{keysOf.get(id)}</kbd>
          </div>
        ))}
      </div>
      {found.length === 0 ? <p className="mt-2">No command fits.</p> : null}
    </Modal>
  )
}
