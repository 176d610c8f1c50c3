import { readFileSync } from 'node:fs'
import type { Route } from '../../src/api/route.ts'
import type { ErrorName } from '../../src/model/errors.ts'
import type { Permission, RoleName } from '../../src/model/permissions.ts'

/** What an operation promises: one row of `spec/behaviour.json`. */
export interface Behaviour {
  readonly operation: string
  readonly method: string
  /** Below the version, or from the root when `versions` is empty. `{name}` stands for a parameter. */
  readonly path: string
  readonly versions: readonly string[]
  readonly access: Route['access']['kind']
  /** Any one of them suffices; the least first. */
  readonly permissions: readonly Permission[]
  /** Roles that carry one of them. */
  readonly roles: readonly RoleName[]
  readonly success: readonly number[]
  /** Refusals of its own, beside those of every operation: 401, 403, 404 of an id, 405, 406, 413, 415, 417, 429, 5xx. */
  readonly codes: readonly ErrorName[]
}

/** Every row. */
export function listBehaviours(): Behaviour[] {
  return JSON.parse(readFileSync(new URL('../../spec/behaviour.json', import.meta.url), 'utf8'))
}

/** The routes a row stands for, as `METHOD path` with `{}` for parameters, lower case. */
export function keysOf(row: Behaviour): string[] {
  const roots = row.versions.length === 0 ? [''] : row.versions.map((version) => `/${version}`)
  return roots.map((root) => `${row.method} ${`${root}${row.path}`.replaceAll(/\{\w+\}/g, '{}').toLowerCase()}`)
}

/** The same key of a route. */
export function keyOf(route: Route): string {
  const path = route.path
    .replaceAll(/:\w+/g, '{}')
    // The files of a page are one operation, and a version's root answers with and without a slash.
    .replace(/^(\/assets|\/api\/v1\/docs)\/.*/, '$1/{}')
    .replace(/^(\/v1\.0|\/beta)$/, '$1/')
  return `${route.method} ${path.toLowerCase()}`
}
