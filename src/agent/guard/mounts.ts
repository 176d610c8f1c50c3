import { readFileSync, statSync } from 'node:fs'
import type { RunProgram } from '../host/run-program.ts'

/** A mount of this process's namespace. @source proc_pid_mountinfo(5) */
export interface Mount {
  /** `major:minor` of what is mounted: the same for every mount of one file system. */
  readonly device: string
  readonly mountPoint: string
  /** Options of this mount alone, as `rw,nosuid,relatime`. */
  readonly options: string
  readonly type: string
}

/** A mount whose files may not be executed while the restriction lasts, and how it was before. */
export interface NoexecMount {
  readonly mountPoint: string
  readonly device: string
  /** Options of the mount before, without `noexec`. */
  readonly options: string
}

/** A mount could not be changed. */
export class MountError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MountError'
  }
}

/** File systems of this host's own disks and memory; what a network or another program answers for could block the guard. */
const localTypes = [
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'zfs', 'jfs', 'nilfs2', 'bcachefs', 'vfat', 'exfat', 'ntfs3'],
  ...['iso9660', 'udf', 'squashfs', 'erofs', 'tmpfs', 'ramfs'],
]

/** Reads mounts; of several on one mount point only the uppermost, which is the one programs meet. */
export function parseMounts(text: string): readonly Mount[] {
  const mounts = new Map<string, Mount>()
  for (const line of text.split('\n')) {
    const [front, back] = line.split(' - ')
    const [, , device, , point, options] = front?.split(' ') ?? []
    const type = back?.split(' ')[0]
    if (device === undefined || point === undefined || options === undefined || type === undefined) continue
    const mountPoint = unescapePath(point)
    mounts.delete(mountPoint)
    mounts.set(mountPoint, { device, mountPoint, options, type })
  }
  return [...mounts.values()]
}

/** The mounts of this process's namespace. */
export function readMounts(): readonly Mount[] {
  return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'))
}

/**
 * The mounts whose programs are guarded.
 * @param wanted mount points; empty: every local file system from which something can be executed
 */
export function chooseMounts(mounts: readonly Mount[], wanted: readonly string[]): readonly Mount[] {
  if (wanted.length > 0) return mounts.filter(({ mountPoint }) => wanted.includes(mountPoint))
  const executable = new Set(mounts.filter((mount) => !isNoexec(mount)).map(({ device }) => device))
  return mounts.filter((mount) => isLocal(mount) && executable.has(mount.device))
}

/** An overlay elsewhere than at the root belongs to a container, whose programs the host's packages know nothing of. */
function isLocal({ type, mountPoint }: Mount): boolean {
  return localTypes.includes(type) || (type === 'overlay' && mountPoint === '/')
}

/** Names wanted mount points at which nothing is mounted: marking them would mark whatever lies there. */
export function listMissing(mounts: readonly Mount[], wanted: readonly string[]): readonly string[] {
  return wanted.filter((path) => !mounts.some(({ mountPoint }) => mountPoint === path))
}

/** The mounts where anybody may put a program and start it: the second layer closes them. */
export function chooseNoexec(mounts: readonly Mount[]): readonly NoexecMount[] {
  return mounts
    .filter((mount) => !isNoexec(mount) && isWorldWritable(mount))
    .map(({ mountPoint, device, options }) => ({ mountPoint, device, options }))
}

/** Tells whether nothing of a mount can be executed. */
export function isNoexec({ options }: Pick<Mount, 'options'>): boolean {
  return options.split(',').includes('noexec')
}

/** Forbids execution from a mount; every other option stays. @throws MountError */
export async function closeMount(run: RunProgram, { mountPoint, options }: NoexecMount): Promise<void> {
  await remount(run, mountPoint, `${options},noexec`)
}

/** Gives mounts their options back, unless something else is mounted there by now, or somebody did so already. @throws MountError */
export async function reopenMounts(run: RunProgram, closed: readonly NoexecMount[]): Promise<void> {
  const present = readMounts()
  for (const { mountPoint, device, options } of closed) {
    const mount = present.find((one) => one.mountPoint === mountPoint && one.device === device)
    if (mount !== undefined && isNoexec(mount)) await remount(run, mountPoint, options)
  }
}

async function remount(run: RunProgram, mountPoint: string, options: string): Promise<void> {
  // What /etc/fstab says of the mount point must not be mixed in.
  const words = ['-n', '--options-mode', 'ignore', '-o', `remount,bind,${options}`, '--target', mountPoint]
  const { code, stderr } = await run('mount', words)
  if (code !== 0) throw new MountError(`${mountPoint}: ${stderr.trim().slice(0, 300)}`)
}

function isWorldWritable({ mountPoint, options }: Mount): boolean {
  if (options.split(',').includes('ro')) return false
  try {
    const status = statSync(mountPoint)
    return status.isDirectory() && (status.mode & 0o002) !== 0
  } catch {
    // Hidden under another mount, or unmounted meanwhile.
    return false
  }
}

function unescapePath(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
