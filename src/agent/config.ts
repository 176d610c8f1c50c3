import { readFileSync } from 'node:fs'
import { type CommandAction, commandActions } from '../protocol/body.ts'
import { type Endpoint, parseEndpoint } from './actions/addresses.ts'
import { CLAMD_CONFIG } from './host/scan/clamd.ts'
import { CLAMAV_DATABASE } from './host/scan/signatures.ts'

/** What the owner of the host decided in `agent.conf`. The server cannot change any of it. */
export interface AgentConfig {
  /** Actions this host lets be done to it. */
  readonly allow: ReadonlySet<CommandAction>
  /** Addresses that must be out of reach under isolation; empty: the default gateways. */
  readonly probes: readonly Endpoint[]
  /** Folders that are searched for copies of a file; empty: every local file system. */
  readonly search: readonly string[]
  /** Folder of ClamAV's signatures. */
  readonly clamav: string
  /** Settings of ClamAV's daemon, which scans when it runs on the signatures of that folder. */
  readonly clamd: string
  /** Where a quick scan looks; empty: the usual places and the executables that run. */
  readonly scan: readonly string[]
  /** Items of an investigation package that this host does not give away, by name. */
  readonly withhold: readonly string[]
  /** Mount points whose programs a restriction guards; empty: every local file system. */
  readonly guard: readonly string[]
  /** Programs that start under a restriction, beside those of packages: paths, folders that end in `/`, `sha256:` digests. */
  readonly execute: readonly string[]
}

/** `agent.conf` has a line the agent does not understand; it refuses to guess. */
export class ConfigError extends Error {
  constructor(line: number, problem: string) {
    super(`agent.conf line ${line}: ${problem}`)
    this.name = 'ConfigError'
  }
}

/** Without a file everything the agent can do is allowed. */
export const defaultConfig: AgentConfig = {
  allow: new Set(commandActions),
  probes: [],
  search: [],
  clamav: CLAMAV_DATABASE,
  clamd: CLAMD_CONFIG,
  scan: [],
  withhold: [],
  guard: [],
  execute: [],
}

/**
 * Reads `agent.conf`: lines `allow = isolateDevice unIsolateDevice`, `probe = 192.0.2.7:443 [2001:db8::7]:443`, `search = /srv /home`,
 * `clamav = /var/lib/clamav` (folder of its signatures), `clamd = /etc/clamav/clamd.conf` (settings of its daemon), `scan = /srv /home` (where a quick scan looks), `withhold =
 * sudoers.txt` (what a package leaves out), `guard = / /home` (mounts whose programs a restriction guards), `execute = /opt/app/
 * sha256:...` (what may start nevertheless); `#` starts a comment.
 * @throws ConfigError for anything else
 */
export function parseConfig(text: string): AgentConfig {
  let { allow, probes, search, clamav, clamd, scan, withhold, guard, execute } = defaultConfig
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/#.*/, '').trim()
    if (line === '') continue
    const match = /^([a-z]+)\s*=\s*(.*)$/.exec(line)
    const words = (match?.[2] ?? '').split(/\s+/).filter((word) => word !== '')
    if (match?.[1] === 'allow') allow = new Set(words.map((word) => readAction(word, index + 1)))
    else if (match?.[1] === 'probe') probes = words.map((word) => readProbe(word, index + 1))
    else if (match?.[1] === 'search') search = words.map((word) => readFolder(word, index + 1))
    else if (match?.[1] === 'clamav') clamav = readFolder(words.join(' '), index + 1)
    else if (match?.[1] === 'clamd') clamd = readFolder(words.join(' '), index + 1)
    else if (match?.[1] === 'scan') scan = words.map((word) => readFolder(word, index + 1))
    else if (match?.[1] === 'withhold') withhold = words
    else if (match?.[1] === 'guard') guard = words.map((word) => readFolder(word, index + 1))
    else if (match?.[1] === 'execute') execute = words.map((word) => readProgram(word, index + 1))
    else
      throw new ConfigError(index + 1, 'not one of allow, probe, search, clamav, clamd, scan, withhold, guard, execute')
  }
  return { allow, probes, search, clamav, clamd, scan, withhold, guard, execute }
}

/** Reads the file at `path`; a missing file is the {@link defaultConfig}. @throws ConfigError */
export function readConfig(path: string): AgentConfig {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return defaultConfig
    throw error
  }
  return parseConfig(text)
}

function readAction(word: string, line: number): CommandAction {
  const action = commandActions.find((name) => name === word)
  if (action === undefined) throw new ConfigError(line, `no such action: ${word.slice(0, 40)}`)
  return action
}

function readProbe(word: string, line: number): Endpoint {
  const endpoint = parseEndpoint(word)
  if (endpoint === undefined) throw new ConfigError(line, `not IP:PORT: ${word.slice(0, 60)}`)
  return endpoint
}

function readFolder(word: string, line: number): string {
  if (!word.startsWith('/')) throw new ConfigError(line, `not an absolute path: ${word.slice(0, 60)}`)
  return word
}

function readProgram(word: string, line: number): string {
  if (!word.startsWith('/') && !/^sha256:[0-9a-f]{64}$/.test(word)) {
    throw new ConfigError(line, `not an absolute path or sha256:<64 hexadecimal digits>: ${word.slice(0, 60)}`)
  }
  return word
}
