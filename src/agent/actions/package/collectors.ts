import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { captureProgram } from '../../host/capture-program.ts'
import { listProcesses } from '../../host/processes.ts'
import type { ProgramName } from '../../host/run-program.ts'
import { type StateDirectory, stateFiles } from '../../state.ts'
import { digestExecutable, readTail } from './bounded-file.ts'
import { type Collected, cutLines } from './collected.ts'
import { listPersistence, listTemporary } from './places.ts'

/** Something that is collected. Names are ours; no path of the host becomes one. */
export interface Collector {
  readonly name: string
  /** Where it comes from, for people. */
  readonly source: string
  readonly collect: () => Promise<Collected>
}

/** Largest item, before it is packed. @source design actions.md 8.7 */
export const MAX_ITEM_BYTES: number = 8 * 1024 * 1024
const MAX_ITEM_MS = 30_000
const VERIFY_MS = 20_000

/** Everything a package holds, what passes soonest first. @source design actions.md 8.7 */
export function listCollectors(state: StateDirectory): readonly Collector[] {
  return [
    { name: 'processes.jsonl', source: '/proc', collect: () => collectProcesses() },
    { name: 'executables.jsonl', source: '/proc/PID/exe', collect: () => collectExecutables() },
    program('sockets.txt', 'ss', ['-tuanp']),
    ...['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6', 'packet', 'unix', 'arp', 'route', 'ipv6_route'].map((name) =>
      file(`net-${name}.txt`, `/proc/net/${name}`),
    ),
    program('nftables.txt', 'nft', ['list', 'ruleset']),
    file('resolv.conf', '/etc/resolv.conf'),
    file('hosts.txt', '/etc/hosts'),
    program('who.txt', 'who', ['-a']),
    program('logins.txt', 'last', ['-F', '-w', '-n', '1000']),
    file('passwd.txt', '/etc/passwd'),
    file('group.txt', '/etc/group'),
    file('sudoers.txt', '/etc/sudoers'),
    {
      name: 'persistence.jsonl',
      source: 'cron, systemd, rc, profiles, keys',
      collect: async () => listPersistence(MAX_ITEM_BYTES),
    },
    {
      name: 'packages.txt',
      source: '/var/lib/dpkg/status',
      collect: async () => readTail('/var/lib/dpkg/status', MAX_ITEM_BYTES),
    },
    program('packages-changed.txt', 'dpkg', ['--verify'], VERIFY_MS),
    file('mounts.txt', '/proc/self/mountinfo'),
    file('modules.txt', '/proc/modules'),
    file('os-release.txt', '/etc/os-release'),
    file('kernel.txt', '/proc/version'),
    file('uptime.txt', '/proc/uptime'),
    program('journal.txt', 'journalctl', [
      '--no-pager',
      '--since',
      '-24h',
      '--output',
      'short-iso-precise',
      '--reverse',
    ]),
    ...['auth.log', 'syslog', 'dpkg.log', 'audit/audit.log'].map((name) => {
      const source = `/var/log/${name}`
      return {
        name: `log-${name.replace('/', '-')}.txt`,
        source,
        collect: async () => readTail(source, MAX_ITEM_BYTES / 4),
      }
    }),
    {
      name: 'temporary.jsonl',
      source: '/tmp /var/tmp /dev/shm',
      collect: async () => listTemporary(MAX_ITEM_BYTES / 4),
    },
    {
      name: 'agent-journal.jsonl',
      source: 'state of the agent',
      collect: async () => readTail(join(state.path, stateFiles.journal), MAX_ITEM_BYTES),
    },
  ]
}

function program(name: string, command: ProgramName, args: readonly string[], maxMs: number = MAX_ITEM_MS): Collector {
  return {
    name,
    source: [command, ...args].join(' '),
    collect: async () => {
      const { output, exit, truncated, error } = await captureProgram(command, args, {
        maxMs,
        maxBytes: MAX_ITEM_BYTES,
      })
      // Many of them end with a code of their own when they have something to say; without a word it is a failure.
      const failed = error ?? (exit !== 0 && !truncated && output.length === 0 ? `exit ${exit}` : null)
      return { content: output, truncated, error: failed }
    },
  }
}

function file(name: string, source: string): Collector {
  return { name, source, collect: async () => readTail(source, MAX_ITEM_BYTES) }
}

async function collectProcesses(): Promise<Collected> {
  const lines: string[] = []
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const stat = readText(`/proc/${name}/stat`)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (stat === '') continue
    lines.push(
      JSON.stringify({
        pid: Number(name),
        name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
        state: fields[0],
        parent: Number(fields[1]),
        startTicks: fields[19],
        uids: /^Uid:\s*(.*)$/m.exec(readText(`/proc/${name}/status`))?.[1]?.split('\t') ?? [],
        commandLine: readText(`/proc/${name}/cmdline`).split('\0').slice(0, -1).join(' ').slice(0, 8_192),
        executable: readLink(`/proc/${name}/exe`),
        folder: readLink(`/proc/${name}/cwd`),
        cgroup: readText(`/proc/${name}/cgroup`).trim().slice(0, 500),
        openFiles: listOpenFiles(name),
      }),
    )
  }
  return cutLines(lines, MAX_ITEM_BYTES)
}

function listOpenFiles(pid: string): readonly string[] {
  try {
    const folder = `/proc/${pid}/fd`
    return readdirSync(folder)
      .slice(0, 100)
      .map((name) => readLink(`${folder}/${name}`))
  } catch {
    // It ended while it was looked at.
    return []
  }
}

async function collectExecutables(): Promise<Collected> {
  const byVersion = new Map<string, { readonly executable: string; readonly pids: number[]; readonly pid: number }>()
  for (const { pid, version, executable } of listProcesses()) {
    const known = byVersion.get(version)
    if (known === undefined) byVersion.set(version, { executable: executable.toString('utf8'), pids: [pid], pid })
    else known.pids.push(pid)
  }
  const lines: string[] = []
  for (const { executable, pids, pid } of byVersion.values()) {
    const digest = await digestExecutable(pid)
    lines.push(
      JSON.stringify({ executable, deleted: executable.endsWith(' (deleted)'), ...digest, pids: pids.slice(0, 200) }),
    )
  }
  return cutLines(lines, MAX_ITEM_BYTES)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // The process ended while it was looked at.
    return ''
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
