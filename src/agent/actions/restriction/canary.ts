import { execFile } from 'node:child_process'
import { appendFileSync, chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { chooseNoexec, isNoexec, type Mount } from '../../guard/mounts.ts'

import { stateFiles } from '../../state.ts'

/** A small program every Debian host has; what is tried is a copy of it. */
const SAMPLE = '/usr/bin/true'
const TRY_MS = 10_000

/** Two copies of one program: the guard knows one of them as the agent's own, and nobody brought the other. */
export interface Canaries {
  readonly allowed: string
  readonly denied: string
}

/**
 * Puts the pair on a guarded file system: into the agent's own folder when it lies on one, else beside the root of the first on which
 * something can be executed.
 * @returns undefined when there is no such file system
 */
export function placeCanaries(
  stateDirectory: string,
  guarded: readonly Mount[],
  mounts: readonly Mount[],
): Canaries | undefined {
  const home = findMount(mounts, stateDirectory)
  const open = guarded.filter((mount) => !isNoexec(mount) && isWritable(mount) && chooseNoexec([mount]).length === 0)
  const own = home !== undefined && open.some(({ device }) => device === home.device)
  const folder = own
    ? join(stateDirectory, stateFiles.canary)
    : open.map(({ mountPoint }) => join(mountPoint, '.cordon-canary'))[0]
  if (folder === undefined) return undefined
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { mode: 0o700 })
  const pair = { allowed: join(folder, 'allowed'), denied: join(folder, 'denied') }
  for (const path of [pair.allowed, pair.denied]) placeSample(path)
  return pair
}

/** The pair of which the allowed one is known. */
export function nameCanaries(allowed: string): Canaries {
  return { allowed, denied: join(dirname(allowed), 'denied') }
}

/** Tries to start a program from a folder anybody may write. @returns `ran`, or the code of the error */
export async function tryFolder(mountPoint: string): Promise<string> {
  const folder = mkdtempSync(join(mountPoint, '.cordon-canary-'))
  try {
    const path = join(folder, 'denied')
    placeSample(path)
    return await tryProgram(path)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Starts a program. @returns `ran`, or the code of the error: `EPERM` is the guard, `EACCES` the second layer */
export function tryProgram(path: string): Promise<string> {
  return new Promise((resolve) => {
    try {
      execFile(path, [], { cwd: '/', env: {}, timeout: TRY_MS }, (error) => {
        resolve(error === null ? 'ran' : nameError(error))
      })
    } catch (error) {
      // Node throws what it did not expect of a start, EPERM among it.
      resolve(nameError(error))
    }
  })
}

function nameError(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'ended'
}

function placeSample(path: string): void {
  copyFileSync(SAMPLE, path)
  // Another content than the sample's, which the owner's list may name.
  appendFileSync(path, path)
  chmodSync(path, 0o700)
}

function isWritable({ options }: Mount): boolean {
  return !options.split(',').includes('ro')
}

function findMount(mounts: readonly Mount[], path: string): Mount | undefined {
  return mounts
    .filter(({ mountPoint }) => mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`))
    .sort((left, right) => right.mountPoint.length - left.mountPoint.length)[0]
}
