import { useQueries, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { executionsQuery, fetchAs } from '../../api/queries.ts'
import type { Execution, Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { agents } from '../devices/agents.ts'
import type { Containment, Containments } from './story-graph.ts'

const stateOf: Readonly<Record<string, Containment>> = {
  isolateDevice: 'isolated',
  disableUser: 'disabled',
  stopAndQuarantineFile: 'quarantined',
  restrictAppExecution: 'restricted',
}

const kindsOf: Readonly<Record<string, readonly string[]>> = {
  device: ['device'],
  user: ['user', 'mailbox'],
  file: ['file', 'process'],
}

/** More tasks than an incident has; each costs a request. */
const maxAsked = 30

/** What is cut off right now: what hosts say of themselves, and what runs of this incident's tasks still hold. */
export function useContainments(tasks: readonly Task[]): Containments {
  const { api } = useApp()
  const asked = tasks.filter((task) => task.actionType in stateOf && task.actionStatus === 'completed')
  const hosts = useQuery({
    queryKey: ['agents'],
    queryFn: ({ signal }) => fetchAs(api, '/api/v1/agents', agents, signal),
  })
  const runs = useQueries({ queries: asked.slice(0, maxAsked).map(({ id }) => executionsQuery(api, id)) })
  const found = new Map<string, Containment>()
  for (const { data } of runs)
    for (const [key, state] of data === undefined ? [] : listHeld(data)) found.set(key, state)
  for (const { hostName, fqdn, isolated } of hosts.data?.value ?? []) {
    for (const name of [hostName, fqdn])
      if (isolated === true && name !== null) found.set(keyOf('device', name), 'isolated')
  }
  const said = JSON.stringify([...found])
  // The same map as long as it says the same: the story is drawn up from it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: what it says is all of it
  return useMemo(() => found, [said])
}

function keyOf(kind: string, name: string): string {
  return `${kind} ${name}`.toLowerCase()
}

/** What the newest run holds, under every name its target goes by. */
function listHeld(executions: readonly Execution[]): [key: string, state: Containment][] {
  const newest = executions.find(({ state }) => state === 'succeeded')
  if (newest === undefined || newest.target === null || newest.kind !== 'run') return []
  const state = stateOf[newest.actionType]
  if (state === undefined || !(newest.holds || state === 'quarantined')) return []
  const { kind, displayName, identifier } = newest.target
  const names = [displayName, identifier].flatMap((name) => [name, name.split(/[\\/]/).at(-1) ?? name])
  return (kindsOf[kind] ?? []).flatMap((one) => names.map((name): [string, Containment] => [keyOf(one, name), state]))
}
