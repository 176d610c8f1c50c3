/**
 * Every command with its usual keys, in one table: the help sheet, the palette, the settings and the listener are made from it. `on` is a
 * selector of what must have the focus itself.
 */
export const bindings = [
  { id: 'help', keys: '?', where: 'Everywhere', does: 'Show the keys that work here' },
  { id: 'palette', keys: 'Ctrl+K', where: 'Everywhere', does: 'Open the command palette' },
  { id: 'filter', keys: '/', where: 'Everywhere', does: 'Go to the filter of the list' },
  { id: 'go.incidents', keys: 'g i', where: 'Everywhere', does: 'Go to incidents' },
  { id: 'go.tasks', keys: 'g t', where: 'Everywhere', does: 'Go to tasks' },
  { id: 'go.approvals', keys: 'g p', where: 'Everywhere', does: 'Go to approvals' },
  { id: 'go.devices', keys: 'g d', where: 'Everywhere', does: 'Go to assets' },
  { id: 'go.audit', keys: 'g a', where: 'Everywhere', does: 'Go to the audit log' },
  { id: 'go.tenant', keys: 'g s', where: 'Everywhere', does: 'Switch to another tenant' },
  { id: 'zone', keys: 'z', where: 'Everywhere', does: 'Change the time zone: UTC, local, named' },
  { id: 'row.next', keys: 'j', where: 'Lists', does: 'Next row' },
  { id: 'row.previous', keys: 'k', where: 'Lists', does: 'Previous row' },
  { id: 'row.open', keys: 'o', where: 'Lists', does: 'Look at the row beside the list' },
  { id: 'row.select', keys: 'x', where: 'Lists', does: 'Select the row' },
  { id: 'row.selectRange', keys: 'X', where: 'Lists', does: 'Select from the last selected row to this one' },
  { id: 'row.assign', keys: 'e', where: 'Lists', does: 'Choose who gets what is selected, or the row' },
  { id: 'row.status', keys: 's', where: 'Lists', does: 'Choose the status of what is selected, or of the row' },
  { id: 'incident.previous', keys: '[', where: 'Incident', does: 'Previous incident of the list' },
  { id: 'incident.next', keys: ']', where: 'Incident', does: 'Next incident of the list' },
  { id: 'tab.story', keys: '1', where: 'Incident', does: 'Story' },
  { id: 'tab.tasks', keys: '2', where: 'Incident', does: 'Tasks' },
  { id: 'tab.alerts', keys: '3', where: 'Incident', does: 'Alerts' },
  { id: 'tab.assets', keys: '4', where: 'Incident', does: 'Assets' },
  { id: 'tab.evidence', keys: '5', where: 'Incident', does: 'Evidence' },
  { id: 'tab.activity', keys: '6', where: 'Incident', does: 'Activity' },
  { id: 'propose', keys: 't', where: 'Incident', does: 'Propose a task' },
  { id: 'comment', keys: 'c', where: 'Incident', does: 'Write a comment' },
  {
    id: 'task.run',
    keys: 'Enter',
    on: 'article[data-task-id]',
    where: 'Task',
    does: 'Review and run, with the focus on the card: opens the question, runs nothing',
  },
  { id: 'task.byHand', keys: 'd', where: 'Task', does: 'Done by hand: asks before it is so' },
  { id: 'task.notRelevant', keys: 'n', where: 'Task', does: 'Not relevant: asks before it is so' },
  { id: 'task.undo', keys: 'u', where: 'Task', does: 'Undo: asks before anything happens' },
] as const

/** The name of a command. */
export type CommandId = (typeof bindings)[number]['id']
