import type { Clock } from '../../io/clock.ts'
import { CordonError } from '../../model/errors.ts'
import type { Store } from '../../store/db.ts'
import { type Amount, countJobs, countLiveExecutions, findOldestDueJob } from '../../store/gauges.ts'
import type { AuthorizedHandler } from '../route.ts'
import type { LookedUp, Metrics } from './figures.ts'

/** What answering needs. */
export interface MetricsDeps {
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>
  /** The tenant of those who run the server. */
  readonly firstTenantId: string
}

/** GET /metrics: what Prometheus reads; for the first tenant alone, since the figures are of all tenants together. */
export function getMetrics({ metrics, firstTenantId }: MetricsDeps): AuthorizedHandler {
  return async ({ caller }) => {
    if (caller.tenantId !== firstTenantId) {
      throw new CordonError('NotFound', 'These figures are of the whole server: only its first tenant reads them.')
    }
    return {
      status: 200,
      body: await metrics.render(),
      contentType: metrics.contentType,
      headers: { 'Cache-Control': 'no-store' },
    }
  }
}

/** Where the figures come from that are looked up. */
export interface FigureSources {
  readonly store: Pick<Store, 'read'>
  readonly clock: Clock
  /** Polls of agents held now. */
  readonly heldPolls: () => number
  /** Why no checkpoints of the audit log are written; null when they are. */
  readonly auditProblem: () => string | null
}

/** What a server's operators want to be woken by. */
export function listFigures({ store, clock, heldPolls, auditProblem }: FigureSources): LookedUp[] {
  const single = (name: string, help: string, read: () => number | Promise<number>): LookedUp => {
    return { name, help, labels: [], read: async () => [{ labels: {}, value: await read() }] }
  }
  const byLabel = (name: string, help: string, label: string, read: () => Promise<readonly Amount[]>): LookedUp => {
    const list = async (): ReturnType<LookedUp['read']> =>
      (await read()).map(({ kind, amount }) => ({ labels: { [label]: kind }, value: amount }))
    return { name, help, labels: [label], read: list }
  }
  return [
    byLabel('cordon_jobs', 'Jobs that wait or are under way.', 'kind', () => countJobs(store.read)),
    single('cordon_jobs_overdue_seconds', 'For how long the job that is due for longest has waited.', async () => {
      const dueAt = await findOldestDueJob(store.read, clock.now())
      return dueAt === null ? 0 : Math.max(0, clock.nowMs() - Date.parse(dueAt)) / 1000
    }),
    byLabel('cordon_executions_live', 'Executions that have not ended.', 'state', () =>
      countLiveExecutions(store.read),
    ),
    single('cordon_agent_polls', 'Agents whose poll this server holds.', heldPolls),
    single('cordon_audit_checkpoint_failing', '1 while checkpoints of the audit log cannot be written.', () =>
      auditProblem() === null ? 0 : 1,
    ),
  ]
}
