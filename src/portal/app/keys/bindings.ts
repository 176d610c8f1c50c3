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

/** While one of these is open no key does anything beside it. */
function isCovered(): boolean {
  return document.querySelector('[role=dialog], [role=alertdialog], [role=menu]') !== null
}

/** Letters go to whatever takes text; a box that is ticked takes none. */
function takesText(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement && /^(checkbox|radio)$/.test(target.type)) return false
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/** What a key is pressed on is what its command asks for. A button or link there is pressed by its own Enter. */
function isOn(id: CommandId, target: EventTarget | null): boolean {
  const binding = bindings.find((one) => one.id === id)
  if (binding === undefined || !('on' in binding)) return true
  return target instanceof Element && target.matches(binding.on)
}

/**
 * Listens for keys on the page.
 * @param keysOf the keys of each command; empty for none
 * @returns what ends it
 */
export function listenForKeys(keysOf: ReadonlyMap<CommandId, string>, areLettersOn: boolean): () => void {
  let before = ''
  let beforeAtMs = 0
  const find = (keys: string, { target }: Event): CommandId | undefined =>
    [...keysOf].find(([id, held]) => held === keys && isInForce(id) && isOn(id, target))?.[0]
  const pairs = new Set([...keysOf.values()].filter((held) => held.includes(' ')))
  const onKey = (event: KeyboardEvent): void => {
    if (isCovered()) return
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      const held = find(`Ctrl+${event.key.toUpperCase()}`, event)
      if (held === undefined) return
      event.preventDefault()
      runCommand(held)
      return
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || takesText(event.target)) return
    if (!areLettersOn && event.key !== 'Enter') return
    const pair = event.timeStamp - beforeAtMs < 1_000 ? `${before} ${event.key}` : ''
    // Whoever pressed both meant the pair, also where that does nothing.
    const found = find(pairs.has(pair) ? pair : event.key, event)
    before = event.key
    beforeAtMs = event.timeStamp
    if (found === undefined) return
    event.preventDefault()
    runCommand(found)
  }
  window.addEventListener('keydown', onKey)
  return () => window.removeEventListener('keydown', onKey)
}
