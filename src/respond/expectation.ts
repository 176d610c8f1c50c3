import { msOf } from '../io/clock.ts'
import type { ActionType } from '../model/actions.ts'
import { type Expectation, expectDuration } from '../model/safety/durations.ts'
import type { Db } from '../store/db.ts'
import { readSpans } from '../store/safety/history.ts'

/** How many past executions a duration is learnt from. */
const learntFrom = 200

/** How long such an action took through that connector, from its turn to its proof; null where none went well yet, or nobody would act. */
export async function readExpectation(
  db: Db,
  tenantId: string,
  actionType: ActionType,
  connector: string | null,
): Promise<Expectation | null> {
  if (connector === null) return null
  const spans = await readSpans(db, tenantId, actionType, connector, learntFrom)
  return expectDuration(spans.map(({ from, to }) => (msOf(to) - msOf(from)) / 1000))
}
