import { useRef } from 'react'
import { Modal } from '../parts/modal.tsx'
import { isInForce, runCommand } from './bindings.ts'
import { useKeys } from './own-keys.ts'
import { PickList } from './pick-list.tsx'
import { bindings, type CommandId } from './table.ts'

/** Every command that works here, found by typing some of its letters. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const keysOf = useKeys()
  const field = useRef<HTMLInputElement>(null)
  const inForce = bindings.filter(({ id }) => id !== 'palette' && isInForce(id))
  const run = (id: CommandId | undefined): void => {
    if (id === undefined) return
    onClose()
    // The command may put the focus somewhere: after the palette has given it back.
    setTimeout(() => runCommand(id), 0)
  }
  return (
    <Modal title="Commands" onClose={onClose} initialFocus={field}>
      <PickList
        field={field}
        name="palette"
        label="Command"
        nothing="No command fits."
        picks={inForce.map(({ id, does }) => ({
          id,
          words: does,
          shown: (
            <>
              <span>{does}</span>
              <kbd>{keysOf.get(id)}</kbd>
            </>
          ),
        }))}
        onPick={(wanted) => run(inForce.find(({ id }) => id === wanted)?.id)}
      />
    </Modal>
  )
}
