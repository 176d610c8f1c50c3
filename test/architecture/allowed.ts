import { readFileSync } from 'node:fs'
import type { Violation } from './tree.ts'

/** An exception in test/architecture.allow.json: a rule that one file may break, and why. */
export interface Allowed {
  readonly rule: string
  readonly path: string
  readonly reason: string
}

/** Reads the exceptions. @throws Error when one has no reason or stands twice */
export function readAllowed(path: string): Allowed[] {
  const entries: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (!Array.isArray(entries) || !entries.every(isAllowed)) {
    throw new Error(`${path} is a list of { rule, path, reason }, each with a reason of at least 20 letters`)
  }
  const names = entries.map(nameOf)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new Error(`${path} lists ${twice} twice`)
  return entries
}

function isAllowed(value: unknown): value is Allowed {
  if (typeof value !== 'object' || value === null) return false
  return (
    'rule' in value &&
    typeof value.rule === 'string' &&
    'path' in value &&
    typeof value.path === 'string' &&
    'reason' in value &&
    typeof value.reason === 'string' &&
    value.reason.length >= 20
  )
}

/** What is wrong after the exceptions: violations nobody allowed, and exceptions nothing needs any more. */
export function judge(violations: readonly Violation[], allowed: readonly Allowed[]): string[] {
  const known = new Set(allowed.map(nameOf))
  const needed = new Set(violations.map(nameOf))
  return [
    ...violations.filter((violation) => !known.has(nameOf(violation))).map(describe),
    ...allowed
      .filter((entry) => !needed.has(nameOf(entry)))
      .map((entry) => `${nameOf(entry)}: this exception is no longer needed; take it out of architecture.allow.json`),
  ]
}

function nameOf({ rule, path }: { readonly rule: string; readonly path: string }): string {
  return `${rule} ${path}`
}

function describe(violation: Violation): string {
  return `${nameOf(violation)}: ${violation.detail}`
}
