import { randomIds, systemClock } from '../../src/io/clock.ts'
import { defaultPolicy, type SafetyPolicy } from '../../src/model/safety/policy.ts'
import { replacePolicy } from '../../src/respond/safety/policies.ts'
import type { Store } from '../../src/store/db.ts'

/** Puts sections of the safety policy of a tenant in the place of the default ones. */
export async function setPolicy(store: Store, tenantId: string, sections: Partial<SafetyPolicy>): Promise<void> {
  const actor = { tenantId, id: 'test', kind: 'system', name: 'test' } as const
  await replacePolicy({ store, clock: systemClock, ids: randomIds }, actor, { ...defaultPolicy, ...sections }, null)
}

/** Lets a tenant run any number of actions without a second person, for tests that run more than anybody means to. */
export function liftBudgets(store: Store, tenantId: string): Promise<void> {
  return setPolicy(store, tenantId, { budgets: [] })
}
