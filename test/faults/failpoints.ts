import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const source = join(import.meta.dirname, '../../src')

/** Every failpoint of the server, found in its sources, so that a new one is tested from its first day. */
export function listFailpoints(): string[] {
  const files = globSync('{agents,api,intake,jobs,notify,respond,store}/**/*.ts', { cwd: source })
  return files.flatMap((file) =>
    [...readFileSync(join(source, file), 'utf8').matchAll(/\bfailpoint\('([\w-]+)'\)/g)].map((match) => match[1] ?? ''),
  )
}

/** True for a place that only an order for many hosts comes by. */
export function isOfFanOut(failpoint: string): boolean {
  return failpoint.includes('-spread-') || failpoint.includes('-reports-')
}
