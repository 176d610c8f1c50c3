import { createHash } from 'node:crypto'
import { closeSync, fstatSync, read, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ContentDigests, Executable, Opinion } from './decide.ts'

/** Without these nobody can log in, repair the host or reach its agent; they start whatever their content is. */
const vitalPaths = [
  ...['/proc/1/exe', '/proc/self/exe', '/usr/lib/systemd/systemd', '/usr/sbin/init'],
  ...['/usr/sbin/sshd', '/usr/lib/openssh/sshd-session', '/usr/lib/openssh/sshd-auth', '/usr/sbin/agetty'],
  ...['/usr/bin/login', '/usr/sbin/sulogin', '/usr/bin/su', '/usr/bin/sudo'],
  ...['/usr/bin/dpkg', '/usr/bin/dpkg-deb', '/usr/bin/dpkg-split', '/usr/bin/apt', '/usr/bin/apt-get'],
  ...['/usr/sbin/nft', '/usr/bin/mount', '/usr/bin/umount', '/usr/bin/setpriv'],
  ...['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'],
  ...['/usr/bin/sh', '/usr/bin/dash', '/usr/bin/bash'],
]

const aptMethods = '/usr/lib/apt/methods'

/** What the host and its agent live on, as `device:inode`. */
export function readVital(canary: string | null): ReadonlySet<string> {
  const shells = readLines('/etc/shells').filter((line) => line.startsWith('/'))
  const methods = listIfThere(aptMethods).map((name) => join(aptMethods, name))
  const paths = [...vitalPaths, ...shells, ...methods, ...(canary === null ? [] : [canary])]
  return new Set(paths.flatMap((path) => readFile(path) ?? []))
}

/** An open program with what it is decided by. */
export interface OpenExecutable extends Executable {
  readonly size: number
  /** Changes whenever the content or the owner does. */
  readonly version: string
}

/** Looks at a program by its descriptor. */
export function describeExecutable(fd: number): OpenExecutable {
  const path = readlinkSync(`/proc/self/fd/${fd}`)
  const { dev, ino, size, mtimeNs, ctimeNs, uid, mode } = fstatSync(fd, { bigint: true })
  const file = `${dev}:${ino}`
  return {
    path,
    named: readFile(path) === file,
    file,
    rootOnly: uid === 0n && (mode & 0o022n) === 0n,
    size: Number(size),
    version: `${file}:${size}:${mtimeNs}:${ctimeNs}:${path}`,
  }
}

const readAsync = promisify(read)
const CHUNK_BYTES = 1024 * 1024

/** Reads a program to its end. @throws Error when it cannot be read */
export async function digestContent(fd: number, wanted: Extract<Opinion, { kind: 'read' }>): Promise<ContentDigests> {
  const md5 = wanted.md5.size > 0 ? createHash('md5') : null
  const sha256 = wanted.sha256.size > 0 ? createHash('sha256') : null
  const buffer = Buffer.alloc(CHUNK_BYTES)
  for (let at = 0; ; ) {
    const { bytesRead } = await readAsync(fd, buffer, 0, CHUNK_BYTES, at)
    if (bytesRead === 0) break
    at += bytesRead
    md5?.update(buffer.subarray(0, bytesRead))
    sha256?.update(buffer.subarray(0, bytesRead))
  }
  return { md5: md5?.digest('hex') ?? null, sha256: sha256?.digest('hex') ?? null }
}

/** User of a process; -1 when it is gone. */
export function readUser(pid: number): number {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid ?? -1
}

/** Ends the use of a program's descriptor. */
export function closeExecutable(fd: number): void {
  closeSync(fd)
}

function readFile(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(realpathSync(path), { bigint: true })
    return `${dev}:${ino}`
  } catch {
    // Not on this host, or removed.
    return undefined
  }
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch {
    // Not on this host.
    return []
  }
}

function listIfThere(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    // Not on this host.
    return []
  }
}
