import { canonicalJson, sha256Hex } from '../../protocol/canonical.ts'
import { isObject } from '../../protocol/decode.ts'
import type { RunProgram } from '../host/run-program.ts'
import { type IsolationPlan, TABLE, writeIsolation, writeRelease, writeRenewal } from './ruleset.ts'

/** Our tables as the kernel lists them. */
export interface ObservedIsolation {
  /** Families in which our table exists, with or without a running timer. */
  readonly tables: readonly ('inet' | 'netdev')[]
  /** The timer runs for IPv4 and IPv6. */
  readonly isolated: boolean
  readonly mode: 'full' | 'selective' | null
  /** Whole seconds until the kernel lets go; null when not isolated. */
  readonly remainingSeconds: number | null
  /** Interfaces whose egress chain is in force. */
  readonly egress: readonly string[]
  /** Packets our rules dropped since they were loaded. */
  readonly droppedPackets: number
  /** SHA-256 over the listing without counters, handles and running times; null without a table. */
  readonly rulesetSha256: string | null
}

/** nft refused a transaction; nothing of it took effect. */
export class RulesetError extends Error {
  constructor(stderr: string) {
    super(`nft: ${stderr.trim().split('\n')[0]?.slice(0, 300) ?? 'failed'}`)
    this.name = 'RulesetError'
  }
}

/** A host without our tables. */
export const notIsolated: ObservedIsolation = {
  tables: [],
  isolated: false,
  mode: null,
  remainingSeconds: null,
  egress: [],
  droppedPackets: 0,
  rulesetSha256: null,
}

/**
 * Reads our tables back from the kernel.
 * @throws RulesetError when nft cannot answer
 */
export async function observeIsolation(run: RunProgram): Promise<ObservedIsolation> {
  const present = readItems(await list(run, ['tables']))
  const tables = (['inet', 'netdev'] as const).filter((family) =>
    present.some(({ kind, body }) => kind === 'table' && body.name === TABLE && body.family === family),
  )
  if (tables.length === 0) return notIsolated
  // One process each: nft 1.0.6 forgets the first table when one process is asked for both.
  const listings = await Promise.all(tables.map((family) => list(run, ['table', family, TABLE])))
  return describeListing(tables, listings.flatMap(readItems))
}

/**
 * Loads an isolation in one transaction, which the kernel takes whole or not at all.
 * @throws RulesetError when refused; then nothing changed
 */
export async function applyIsolation(
  run: RunProgram,
  plan: IsolationPlan,
  leaseSeconds: number,
  present: ObservedIsolation['tables'],
): Promise<void> {
  const orphan = plan.egress.length === 0 && present.includes('netdev') ? writeRelease(['netdev']) : ''
  const ruleset = orphan + writeIsolation(plan, leaseSeconds)
  await load(run, ['-f', '-'], ruleset)
}

/** Rehearses an isolation without effect. @throws RulesetError */
export async function rehearseIsolation(run: RunProgram, plan: IsolationPlan, leaseSeconds: number): Promise<void> {
  await load(run, ['-c', '-f', '-'], writeIsolation(plan, leaseSeconds))
}

/** Removes our tables in one transaction; harmless when there are none. @throws RulesetError */
export async function removeIsolation(run: RunProgram, tables: ObservedIsolation['tables']): Promise<void> {
  await load(run, ['-f', '-'], writeRelease(tables.length === 0 ? ['inet'] : tables))
}

/** Starts the kernel timers anew. @throws RulesetError when the isolation ended meanwhile */
export async function renewIsolation(run: RunProgram, egress: readonly string[], leaseSeconds: number): Promise<void> {
  await load(run, ['-f', '-'], writeRenewal(egress, leaseSeconds))
}

interface ListedItem {
  readonly kind: string
  readonly body: Readonly<Record<string, unknown>>
}

async function load(run: RunProgram, args: readonly string[], ruleset: string): Promise<void> {
  const { code, stderr } = await run('nft', args, ruleset)
  if (code !== 0) throw new RulesetError(stderr)
}

async function list(run: RunProgram, words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run('nft', ['-j', 'list', ...words])
  if (code !== 0) throw new RulesetError(stderr)
  return stdout
}

function readItems(stdout: string): readonly ListedItem[] {
  const document: unknown = JSON.parse(stdout)
  const entries: unknown = isObject(document) ? document.nftables : undefined
  if (!Array.isArray(entries)) throw new RulesetError('unreadable listing')
  return entries.flatMap((entry: unknown) =>
    Object.entries(isObject(entry) ? entry : {}).flatMap(([kind, body]) =>
      kind !== 'metainfo' && isObject(body) ? [{ kind, body }] : [],
    ),
  )
}

function describeListing(tables: ObservedIsolation['tables'], items: readonly ListedItem[]): ObservedIsolation {
  const timers = readTimers(items, 'inet')
  const seconds = ['ipv4', 'ipv6'].map((name) => timers.get(name))
  const isolated = seconds.every((value) => value !== undefined)
  const hasAllowed = items.some(
    ({ kind, body }) =>
      kind === 'set' && (body.name === 'allow4' || body.name === 'allow6') && Array.isArray(body.elem),
  )
  return {
    tables,
    isolated,
    mode: isolated ? (hasAllowed ? 'selective' : 'full') : null,
    remainingSeconds: isolated ? Math.min(...seconds.filter((value) => value !== undefined)) : null,
    egress: [...readTimers(items, 'netdev').keys()],
    droppedPackets: items.reduce((sum, { kind, body }) => sum + (kind === 'rule' ? countPackets(body.expr) : 0), 0),
    rulesetSha256: sha256Hex(canonicalJson(items.map(({ kind, body }) => ({ [kind]: strip(body) })))),
  }
}

function readTimers(items: readonly ListedItem[], family: string): ReadonlyMap<string, number> {
  const set = items.find(({ kind, body }) => kind === 'set' && body.name === 'isolated' && body.family === family)
  const found = new Map<string, number>()
  const entries: readonly unknown[] = Array.isArray(set?.body.elem) ? set.body.elem : []
  for (const entry of entries) {
    const element = isObject(entry) && isObject(entry.elem) ? entry.elem : {}
    if (typeof element.val === 'string')
      found.set(element.val, typeof element.expires === 'number' ? element.expires : 0)
  }
  return found
}

function countPackets(expressions: unknown): number {
  if (!Array.isArray(expressions)) return 0
  return (expressions as readonly unknown[]).reduce<number>((sum, expression) => {
    const counter = isObject(expression) && isObject(expression.counter) ? expression.counter : {}
    return sum + (typeof counter.packets === 'number' ? counter.packets : 0)
  }, 0)
}

// What stays is the same for the same ruleset at any time: no handles, counters, remaining times, and sets in one order.
function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip)
  if (!isObject(value)) return value
  const kept = Object.entries(value).filter(
    ([name]) => name !== 'handle' && name !== 'expires' && name !== 'timeout' && name !== 'packets' && name !== 'bytes',
  )
  return Object.fromEntries(
    kept.map(([name, item]) => {
      const stripped = strip(item)
      if (name !== 'elem' || !Array.isArray(stripped)) return [name, stripped]
      return [name, stripped.map((element) => canonicalJson(element)).sort()]
    }),
  )
}
