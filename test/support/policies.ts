import { randomIds, systemClock } from '../../src/io/clock.ts'
import { defaultPolicy } from '../../src/model/safety/policy.ts'
import { replacePolicy } from '../../src/respond/safety/policies.ts'
import type { Store } from '../../src/store/db.ts'

/** Lets a tenant run any number of actions without a second person, for tests that run more than anybody means to. */
export async function liftBudgets(store: Store, tenantId: string): Promise<void> {
  const actor = { tenantId, id: 'test', kind: 'system', name: 'test' } as const
  await replacePolicy({ store, clock: systemClock, ids: randomIds }, actor, { ...defaultPolicy, budgets: [] }, null)
}
