import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Draft } from '../../src/model/edm.ts'
import type { ExecutionState } from '../../src/model/execution-state.ts'
import type { Alert, Incident, IncidentTask } from '../../src/model/generated.ts'
import type { RoleName } from '../../src/model/permissions.ts'
import type { Tenant } from './given.ts'

/** A request of an example. A string as body is sent as it is, anything else as JSON. */
export interface ExampleRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** One documented pair of request and response: `spec/examples/<operation>/<name>.json`. */
export interface Example {
  readonly operation: string
  readonly name: string
  readonly about: string
  readonly role: RoleName | 'none'
  /** The caller is a person called Ada who has signed in, not an application. */
  readonly person?: boolean
  /** Requests that come first, by the same caller unless they name another role. */
  readonly before?: readonly (ExampleRequest & { readonly role?: RoleName })[]
  readonly request: ExampleRequest
  readonly response: {
    readonly status: number
    readonly headers?: Readonly<Record<string, string>>
    /** Expected JSON; see {@link ./shape.ts assertShape}. Neither this nor `text`: no body at all. */
    readonly body?: unknown
    readonly text?: string
  }
}

interface GivenState {
  readonly incidents: readonly Draft<Omit<Incident, 'alerts'>>[]
  readonly alerts: readonly (Draft<Alert> & { readonly incidentId: string })[]
  readonly tasks: readonly (Draft<IncidentTask> & {
    readonly incidentId: string
    readonly execution?: { readonly id?: string; readonly state: ExecutionState; readonly connector?: string }
  })[]
  readonly agents: readonly { readonly hostName: string; readonly can: readonly string[] }[]
}

const folder = join(import.meta.dirname, '../../spec/examples')

/** Every example, in the order of their names. */
export function listExamples(): Example[] {
  return globSync('*/*.json', { cwd: folder })
    .sort()
    .map((path) => ({ ...readJsonFile<Example>(path), operation: dirname(path), name: basename(path, '.json') }))
}

/** Puts the state into a tenant that the examples start from. */
export async function giveExampleState(tenant: Tenant): Promise<void> {
  const { incidents, alerts, tasks, agents } = readJsonFile<GivenState>('given.json')
  for (const incident of incidents) await tenant.incident(incident)
  for (const { incidentId, ...alert } of alerts) await tenant.alert(incidentId, alert)
  for (const { incidentId, execution, ...task } of tasks) {
    const taskId = await tenant.task(incidentId, task)
    if (execution) await tenant.execution(taskId, execution.state, execution)
  }
  for (const agent of agents) await tenant.agent(agent)
}

/** Our own files: their form is what the tests that read them show. */
function readJsonFile<T>(path: string): T {
  return JSON.parse(readFileSync(join(folder, path), 'utf8'))
}
