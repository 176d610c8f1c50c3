import { peekPayload } from '../../protocol/jws.ts'
import { messageLimits } from '../../protocol/version.ts'
import type { Store } from '../../store/db.ts'
import { readOrdersOfExecution } from '../../store/orders.ts'

/** What a host was asked for an execution, and what it reported, both as they went over the wire but for the signatures. */
export interface HostOrder {
  readonly id: string
  readonly deviceId: string
  readonly hostName: string
  readonly state: string
  readonly createdAt: string
  readonly deliveredAt: string | null
  readonly acknowledgedAt: string | null
  readonly finishedAt: string | null
  readonly request: unknown
  readonly response: unknown
}

/** So many hosts of an execution are shown with what was sent to them; what became of each of them stands in its result. */
const maxOrders = 50

/** The orders that an execution gave to agents, by host name; none for one that another connector carried out. */
export async function listHostOrders(
  deps: { readonly store: Store },
  tenantId: string,
  executionId: string,
): Promise<{ readonly orders: readonly HostOrder[]; readonly orderCount: number }> {
  const { orders, count } = await readOrdersOfExecution(deps.store.read, tenantId, executionId, maxOrders)
  return {
    orders: orders.map((order) => ({
      id: order.id,
      deviceId: order.agentId,
      hostName: order.hostname,
      state: order.state,
      createdAt: order.createdAt,
      deliveredAt: order.deliveredAt,
      acknowledgedAt: order.ackedAt,
      finishedAt: order.finishedAt,
      request: peekPayload(order.jws, messageLimits.commandBytes) ?? null,
      response: order.result === null ? null : JSON.parse(order.result),
    })),
    orderCount: count,
  }
}
