import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import type { AgentPolicy } from '../../../protocol/policy.ts'
import { type Digests, digestPath } from './digest.ts'

/** A file that may have to go. */
export interface Suspect {
  /** Null for what never had a name. */
  readonly path: string | null
  readonly device: bigint
  readonly inode: bigint
  readonly digests: Digests
}

/** Why a file must stay: nobody can change that, or a second person could. */
export interface GuardRefusal {
  readonly code: 'Protected' | 'PackageFile'
  readonly reason: string
}

/** Says why a file must stay, or undefined. */
export type Guard = (suspect: Suspect) => Promise<GuardRefusal | undefined>

/** What guarding needs to know. */
export interface GuardInput {
  readonly policy: AgentPolicy | undefined
  /** A second person agreed that a file of an installed package may go. */
  readonly allowPackageFiles: boolean
  /** Folder of the agent's state. */
  readonly stateDirectory: string
}

/** Without these nobody can repair the host, or the agent cannot report. */
const vital = [
  ...['/proc/1/exe', '/proc/self/exe', '/usr/lib/systemd/systemd', '/usr/sbin/init'],
  ...['/usr/sbin/sshd', '/usr/bin/login', '/usr/bin/su', '/usr/bin/sudo', '/usr/bin/dpkg', '/usr/sbin/nft'],
  ...['/usr/bin/sh', '/usr/bin/dash', '/usr/bin/bash'],
  ...['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'],
  ...['/lib/x86_64-linux-gnu/libc.so.6', '/lib/aarch64-linux-gnu/libc.so.6'],
]

/** Folders and files the system starts from. */
const systemPaths =
  /^\/(boot|(usr\/)?lib\/(modules|systemd)|etc\/(passwd|shadow|group|gshadow|fstab|ld\.so\.[a-z]+))(\/|$)/

/** What a merged /usr has under two names. */
const merged = /^\/usr\/((?:s?bin|lib(?:32|64|x32)?)\/.*)$/

const packageLists = '/var/lib/dpkg/info'
const packageStatus = '/var/lib/dpkg/status'

/** Beside what Debian calls essential: what the agent runs on, and what lets a person in. */
const vitalPackages = ['libc6', 'libstdc++6', 'systemd', 'openssh-server', 'sudo', 'nftables', 'attr', 'cordon-agent']

/** True when the host has Debian's list of package files. */
export function hasPackageLists(): boolean {
  return existsSync(packageLists)
}

/**
 * Makes the guard of one command: what the host or the agent lives on stays, whoever asks; what an installed package owns stays unless a
 * second person agreed.
 * @source design actions.md 8.3, 10.1
 */
export function createGuard(input: GuardInput): Guard {
  const { policy } = input
  const files = [...vital, process.argv[1] ?? '', ...readShells()].flatMap((path) => readVital(path) ?? [])
  let packages: Packages | undefined
  const findVital = async (suspect: Suspect): Promise<string | undefined> => {
    const { path, digests } = suspect
    if (policy?.protected.hashes.some((hash) => hash === digests.sha1 || hash === digests.sha256)) {
      return 'the policy protects this hash'
    }
    for (const file of files) {
      if (file.device === suspect.device && file.inode === suspect.inode) return `the host needs ${file.path}`
      if (file.sizeBytes !== digests.sizeBytes) continue
      if ((await digestPath(file.path))?.sha256 === digests.sha256) return `it is the same as ${file.path}`
    }
    if (path !== null && policy?.protected.paths.includes(path)) return `the policy protects ${path}`
    if (path !== null && systemPaths.test(path)) return `${path} belongs to the system`
    if (path?.startsWith(`${input.stateDirectory}/`)) return `${path} belongs to the agent`
    return undefined
  }
  return async (suspect) => {
    const reason = await findVital(suspect)
    if (reason !== undefined) return { code: 'Protected', reason }
    packages ??= readPackages()
    const owner = findOwner(packages, suspect)
    if (owner?.isVital === true) return { code: 'Protected', reason: `${owner.text} that the host cannot do without` }
    return owner === undefined || input.allowPackageFiles ? undefined : { code: 'PackageFile', reason: owner.text }
  }
}

interface Owner {
  readonly text: string
  readonly isVital: boolean
}

function findOwner({ paths, digests }: Packages, suspect: Suspect): Owner | undefined {
  const { path } = suspect
  const other = path === null ? undefined : merged.exec(path)?.[1]
  const byPath =
    path === null ? undefined : (paths.get(path) ?? (other === undefined ? undefined : paths.get(`/${other}`)))
  const byContent = digests.get(suspect.digests.md5)
  const isVital = byPath === true || byContent === true
  if (byPath !== undefined) return { text: `${path} belongs to an installed package`, isVital }
  return byContent === undefined ? undefined : { text: 'the same file belongs to an installed package', isVital }
}

interface VitalFile {
  readonly path: string
  readonly device: bigint
  readonly inode: bigint
  readonly sizeBytes: number
}

function readVital(path: string): VitalFile | undefined {
  try {
    const real = realpathSync(path)
    const { dev, ino, size } = statSync(real, { bigint: true })
    return { path: real, device: dev, inode: ino, sizeBytes: Number(size) }
  } catch {
    // Not on this host.
    return undefined
  }
}

function readShells(): readonly string[] {
  try {
    return readFileSync('/etc/shells', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('/'))
  } catch {
    return []
  }
}

/** What installed packages list: their paths, and the MD5 of their files; each with whether the host cannot do without its package. */
interface Packages {
  readonly paths: ReadonlyMap<string, boolean>
  readonly digests: ReadonlyMap<string, boolean>
}

function readPackages(): Packages {
  const paths = new Map<string, boolean>()
  const digests = new Map<string, boolean>()
  if (!hasPackageLists()) return { paths, digests }
  const vitalNames = readVitalNames()
  for (const name of readdirSync(packageLists)) {
    const isList = name.endsWith('.list')
    if (!isList && !name.endsWith('.md5sums')) continue
    const isVital = vitalNames.has(name.replace(/(?::[a-z0-9-]+)?\.(?:list|md5sums)$/, ''))
    for (const line of readFileSync(`${packageLists}/${name}`, 'utf8').split('\n')) {
      if (isList) keepOwner(paths, line, isVital)
      else if (line.length > 32) keepOwner(digests, line.slice(0, 32), isVital)
    }
  }
  return { paths, digests }
}

/** Of several owners the one that is needed counts. */
function keepOwner(owners: Map<string, boolean>, key: string, isVital: boolean): void {
  owners.set(key, isVital || owners.get(key) === true)
}

/** @source deb-control(5) Essential */
function readVitalNames(): ReadonlySet<string> {
  const paragraphs = readFileSync(packageStatus, 'utf8').split('\n\n')
  const essential = paragraphs.filter((text) => /^Essential: yes$/m.test(text))
  return new Set([...vitalPackages, ...essential.flatMap((text) => /^Package: (\S+)$/m.exec(text)?.[1] ?? [])])
}
