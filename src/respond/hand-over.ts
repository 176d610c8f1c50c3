import type { Incident } from '../model/generated.ts'

/** Who an incident is assigned to while it awaits the customer. @source design portal 1 */
export const customerName = 'Customer'

/** What a hand-over changes, and who had the incident before: null for nobody, absent while it is not handed over. */
export interface Handed {
  readonly doc: Pick<Incident, 'status' | 'assignedTo'>
  readonly handedOverFrom?: string | null
}

/**
 * Gives an incident to the customer, because a guided task of it waits. One that awaits action already stays with whoever has it: perhaps
 * somebody of the customer has taken it on.
 * @returns null when nothing changes
 */
export function handToCustomer({ doc }: Handed): Required<Handed> | null {
  if (doc.status === 'awaitingAction') return null
  return { doc: { status: 'awaitingAction', assignedTo: customerName }, handedOverFrom: doc.assignedTo }
}

/** Takes an incident back of which nothing waits any more: to whoever had it before, unless somebody else has taken it on. */
export function takeFromCustomer({ doc, handedOverFrom = null }: Handed): Required<Handed> | null {
  if (doc.status !== 'awaitingAction') return null
  const assignedTo = doc.assignedTo === customerName ? handedOverFrom : doc.assignedTo
  return { doc: { status: 'inProgress', assignedTo }, handedOverFrom: null }
}
