import { lookup } from 'node:dns/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { isObject } from '../../protocol/decode.ts'
import type { RunProgram } from '../host/run-program.ts'
import { blockNames, readBlocked } from './hosts-file.ts'
import { type IocRule, isAddressRule, listCurrent } from './rule-file.ts'
import { nameElement, nameSet, RULES_TABLE, writeTable } from './table.ts'

/** An element of one of our sets as the kernel lists it. */
export interface ObservedElement {
  readonly set: string
  readonly element: string
  /** Whole seconds until the kernel drops it. */
  readonly remainingSeconds: number
  /** Packets that met it since the table was written. */
  readonly packets: number
}

/** A resolver that is out of reach keeps a program waiting for half a minute. */
const RESOLVER_TIMEOUT_MS = 3_000

/** What enforces rules on this host refused a change. */
export class EnforcementError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'EnforcementError'
  }
}

/**
 * Brings the kernel's table and the hosts file in line with the rules, those that are over left out.
 * @throws EnforcementError; the table is then as before
 */
export async function enforceRules(run: RunProgram, rules: readonly IocRule[], nowMs: number): Promise<void> {
  const current = listCurrent(rules, nowMs)
  const present = await hasTable(run)
  if (present || current.some(isAddressRule)) {
    const { code, stderr } = await run('nft', ['-f', '-'], writeTable(current, nowMs))
    if (code !== 0) throw new EnforcementError(`nft: ${stderr.trim().split('\n')[0]?.slice(0, 300) ?? 'failed'}`)
  }
  try {
    blockNames(listNames(current))
  } catch (error) {
    throw new EnforcementError(`hosts file: ${error instanceof Error ? error.message : 'cannot be written'}`)
  }
}

/** Tells whether the host is as the rules want it: table, elements and names are there. */
export async function isEnforced(run: RunProgram, rules: readonly IocRule[], nowMs: number): Promise<boolean> {
  const current = listCurrent(rules, nowMs)
  if (current.some(isAddressRule) && !(await hasTable(run))) return false
  return [...readBlocked()].sort().join() === [...new Set(listNames(current))].sort().join()
}

/** The elements of our table; none without one. @throws EnforcementError when nft cannot answer */
export async function listElements(run: RunProgram): Promise<readonly ObservedElement[]> {
  if (!(await hasTable(run))) return []
  const { code, stdout, stderr } = await run('nft', ['-j', 'list', 'table', 'inet', RULES_TABLE])
  if (code !== 0) throw new EnforcementError(`nft: ${stderr.trim().split('\n')[0]?.slice(0, 300) ?? 'failed'}`)
  return readEntries(stdout).flatMap((entry) => (isObject(entry.set) ? readSet(entry.set) : []))
}

/** The kernel's element of an address rule, or of a wider network that holds it. */
export function findElement(elements: readonly ObservedElement[], rule: IocRule): ObservedElement | undefined {
  return elements.find(({ set, element }) => set === nameSet(rule) && element === nameElement(rule))
}

/** What the host's own resolver answers for a name: `blocked`, `no-answer`, or an address. */
export async function resolveName(name: string): Promise<string> {
  try {
    const patience = sleep(RESOLVER_TIMEOUT_MS, [], { ref: false })
    const answers = (await Promise.race([lookup(name, { all: true }), patience])).map(({ address }) => address)
    if (answers.length === 0) return 'no-answer'
    return answers.every((address) => address === '0.0.0.0' || address === '::')
      ? 'blocked'
      : (answers[0] ?? 'no-answer')
  } catch {
    // A name nobody knows is as good as blocked, and not by us.
    return 'no-answer'
  }
}

function listNames(rules: readonly IocRule[]): readonly string[] {
  return rules
    .filter(({ indicator, mode }) => indicator.kind === 'domain' && mode === 'block')
    .map(({ indicator }) => indicator.value)
}

async function hasTable(run: RunProgram): Promise<boolean> {
  const { code, stdout, stderr } = await run('nft', ['-j', 'list', 'tables'])
  if (code !== 0) throw new EnforcementError(`nft: ${stderr.trim().split('\n')[0]?.slice(0, 300) ?? 'failed'}`)
  return readEntries(stdout).some(
    ({ table }) => isObject(table) && table.family === 'inet' && table.name === RULES_TABLE,
  )
}

function readEntries(stdout: string): readonly Readonly<Record<string, unknown>>[] {
  const document: unknown = JSON.parse(stdout)
  const entries: unknown = isObject(document) ? document.nftables : undefined
  if (!Array.isArray(entries)) throw new EnforcementError('nft: unreadable listing')
  return entries.filter(isObject)
}

function readSet(set: Readonly<Record<string, unknown>>): readonly ObservedElement[] {
  const entries: readonly unknown[] = Array.isArray(set.elem) ? set.elem : []
  return entries.flatMap((entry): ObservedElement[] => {
    const element = isObject(entry) && isObject(entry.elem) ? entry.elem : {}
    const counter = isObject(element.counter) ? element.counter : {}
    return [
      {
        set: String(set.name),
        element: writeValue(element.val),
        remainingSeconds: typeof element.expires === 'number' ? element.expires : 0,
        packets: typeof counter.packets === 'number' ? counter.packets : 0,
      },
    ]
  })
}

/** nft writes a network as an object and an address as text. */
function writeValue(value: unknown): string {
  const prefix = isObject(value) && isObject(value.prefix) ? value.prefix : undefined
  return prefix === undefined ? String(value) : `${String(prefix.addr)}/${String(prefix.len)}`
}
