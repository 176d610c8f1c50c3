import { useEffect, useRef } from 'react'
import { bindings, type CommandId } from './table.ts'

const handlers = new Map<CommandId, (() => void)[]>()

/** Puts commands in force while the component is there. The last one to come answers. */
export function useCommands(commands: Partial<Record<CommandId, () => void>>): void {
  const latest = useRef(commands)
  latest.current = commands
  const names = Object.keys(commands).sort().join(' ')
  useEffect(() => {
    const added = bindings
      .filter(({ id }) => names.split(' ').includes(id))
      .map(({ id }) => {
        const handler = (): void => latest.current[id]?.()
        handlers.set(id, [...(handlers.get(id) ?? []), handler])
        return { id, handler }
      })
    return () => {
      for (const { id, handler } of added) {
        handlers.set(
          id,
          (handlers.get(id) ?? []).filter((other) => other !== handler),
        )
      }
    }
  }, [names])
}

/** True while something answers to the command. */
export function isInForce(id: CommandId): boolean {
  return (handlers.get(id)?.length ?? 0) > 0
}

/** Does what the command stands for. */
export function runCommand(id: CommandId): void {
  handlers.get(id)?.at(-1)?.()
}

/** Letters go to whatever takes text; while a dialog or menu is open they do nothing. */
function isTaken(target: EventTarget | null): boolean {
  if (document.querySelector('[role=dialog], [role=menu]') !== null) return true
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/**
 * Listens for keys on the page.
 * @param keysOf the keys of each command; empty for none
 * @returns what ends it
 */
export function listenForKeys(keysOf: ReadonlyMap<CommandId, string>, areLettersOn: boolean): () => void {
  let before = ''
  let beforeAtMs = 0
  const find = (keys: string): CommandId | undefined =>
    [...keysOf].find(([id, held]) => held === keys && isInForce(id))?.[0]
  const onKey = (event: KeyboardEvent): void => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      const held = find(`Ctrl+${event.key.toUpperCase()}`)
      if (held === undefined) return
      event.preventDefault()
      runCommand(held)
      return
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !areLettersOn || isTaken(event.target)) return
    const pair = event.timeStamp - beforeAtMs < 1_000 ? `${before} ${event.key}` : ''
    const found = (pair === '' ? undefined : find(pair)) ?? find(event.key)
    before = event.key
    beforeAtMs = event.timeStamp
    if (found === undefined) return
    event.preventDefault()
    runCommand(found)
  }
  window.addEventListener('keydown', onKey)
  return () => window.removeEventListener('keydown', onKey)
}
