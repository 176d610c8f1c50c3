import { useEffect, useRef } from 'react'

/** Every key there is, in one table: the help sheet, the palette and the listener are made from it. */
export const bindings = [
  { id: 'help', keys: '?', where: 'Everywhere', does: 'Show the keys that work here' },
  { id: 'palette', keys: 'Ctrl+K', where: 'Everywhere', does: 'Open the command palette' },
  { id: 'filter', keys: '/', where: 'Everywhere', does: 'Go to the filter of the list' },
  { id: 'go.incidents', keys: 'g i', where: 'Everywhere', does: 'Go to incidents' },
  { id: 'go.tasks', keys: 'g t', where: 'Everywhere', does: 'Go to tasks' },
  { id: 'go.approvals', keys: 'g p', where: 'Everywhere', does: 'Go to approvals' },
  { id: 'go.devices', keys: 'g d', where: 'Everywhere', does: 'Go to devices' },
  { id: 'go.audit', keys: 'g a', where: 'Everywhere', does: 'Go to the audit log' },
  { id: 'zone', keys: 'z', where: 'Everywhere', does: 'Change the time zone: UTC, local, named' },
  { id: 'row.next', keys: 'j', where: 'Lists', does: 'Next row' },
  { id: 'row.previous', keys: 'k', where: 'Lists', does: 'Previous row' },
  { id: 'row.open', keys: 'o', where: 'Lists', does: 'Open the row' },
  { id: 'row.select', keys: 'x', where: 'Lists', does: 'Select the row' },
  { id: 'row.selectRange', keys: 'X', where: 'Lists', does: 'Select from the last selected row to this one' },
  { id: 'incident.previous', keys: '[', where: 'Incident', does: 'Previous incident of the list' },
  { id: 'incident.next', keys: ']', where: 'Incident', does: 'Next incident of the list' },
  { id: 'tab.story', keys: '1', where: 'Incident', does: 'Story' },
  { id: 'tab.tasks', keys: '2', where: 'Incident', does: 'Tasks' },
  { id: 'tab.alerts', keys: '3', where: 'Incident', does: 'Alerts' },
  { id: 'tab.evidence', keys: '4', where: 'Incident', does: 'Evidence' },
  { id: 'tab.activity', keys: '5', where: 'Incident', does: 'Activity' },
  { id: 'propose', keys: 't', where: 'Incident', does: 'Propose a task' },
  { id: 'comment', keys: 'c', where: 'Incident', does: 'Write a comment' },
  { id: 'task.byHand', keys: 'd', where: 'Task', does: 'Done by hand: asks before it is so' },
  { id: 'task.notRelevant', keys: 'n', where: 'Task', does: 'Not relevant: asks before it is so' },
  { id: 'task.undo', keys: 'u', where: 'Task', does: 'Undo: asks before anything happens' },
] as const

/** The name of a command. */
export type CommandId = (typeof bindings)[number]['id']

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

/** Listens for keys on the page. @returns what ends it */
export function listenForKeys(areLettersOn: () => boolean): () => void {
  let before = ''
  let beforeAtMs = 0
  const onKey = (event: KeyboardEvent): void => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
      event.preventDefault()
      runCommand('palette')
      return
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !areLettersOn() || isTaken(event.target))
      return
    const pair = event.timeStamp - beforeAtMs < 1_000 ? `${before} ${event.key}` : ''
    const found = bindings.find(({ keys }) => keys === pair) ?? bindings.find(({ keys }) => keys === event.key)
    before = event.key
    beforeAtMs = event.timeStamp
    if (found === undefined || !isInForce(found.id)) return
    event.preventDefault()
    runCommand(found.id)
  }
  window.addEventListener('keydown', onKey)
  return () => window.removeEventListener('keydown', onKey)
}
