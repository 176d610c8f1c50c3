import { type ChildProcess, execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { writeAccount } from '../../src/protocol/bodies/account.ts'
import { writeQuarantineFile, writeRestoreFile } from '../../src/protocol/bodies/stopAndQuarantineFile.ts'
import { writeSubmitIocRule } from '../../src/protocol/bodies/submitIocRule.ts'
import { writeIsolateDevice, writeUnIsolateDevice } from '../../src/protocol/body.ts'
import type { Command } from '../../src/protocol/command.ts'
import type { JsonObject } from '../../src/protocol/decode.ts'
import { isUsable, parseIndicator } from '../../src/protocol/indicator.ts'
import type { CommandResult } from '../../src/protocol/result.ts'
import { onEnd } from './cleanup.ts'
import { makeCommand, sendCommand } from './control-server.ts'
import { createEndpoint, type Endpoint } from './endpoint.ts'
import { describeFile } from './file-host.ts'
import { SERVICE_PORT } from './netns.ts'

/** Something that is done to a host and can be taken back, except for signing out, which changes no file. */
export type Deed =
  | { readonly kind: 'isolate'; readonly selective: boolean }
  | { readonly kind: 'rule'; readonly indicator: string; readonly mode: 'block' | 'audit' }
  | { readonly kind: 'quarantine'; readonly file: number; readonly by: 'sha1' | 'sha256' }
  | { readonly kind: 'disable' | 'enable' | 'reset' | 'signOut'; readonly account: number }

/** Accounts of the throw-away /etc: as usual, locked, over, asked for a new password, without a password. */
export const accountNames: readonly string[] = ['cdusual', 'cdlocked', 'cdover', 'cdreset', 'cdnone']

/** Contents the folder has, each in files of several kinds. */
export const fileContents: readonly string[] = ['copies', 'links', 'special', 'odd']

/** Folders nothing is ever moved from: looking into them must not show. */
const untouched: readonly string[] = ['apart', 'copies/deep']

/** Rules that stood on the host before: none, a filter with a set, a NAT. */
export const foreignRules: readonly string[] = [
  '',
  'add table inet own; add set inet own s { type ipv4_addr; flags interval; elements = { 192.0.2.0/24, 198.18.0.1 }; }; ' +
    'add chain inet own in { type filter hook input priority 0; policy accept; }; add rule inet own in ip saddr @s drop',
  'add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; ' +
    'add rule ip nat post ip saddr 10.88.0.0/24 masquerade',
]

/** A host whose firewall, files and accounts are a test's own. */
export interface UndoWorld {
  /** Puts rules of somebody else in the place of all rules. */
  readonly layRules: (rules: string) => Promise<void>
  /** Everything that undo must bring back, as text. */
  readonly look: () => Promise<string>
  readonly carryOut: (id: string, deed: Deed) => Promise<CommandResult>
  /**
   * Takes a deed back as the server would.
   * @param others another deed still wants the host isolated: then the server releases nothing
   * @returns undefined when nothing is sent: for that reason, or because the deed moved no file or cannot be taken back
   */
  readonly takeBack: (id: string, deed: Deed, others: boolean) => Promise<CommandResult | undefined>
}

/**
 * Builds the host: a network of its own, an agent that sees a copy of /etc in the place of it, and a folder with files.
 * @returns undefined when the test was skipped
 */
export async function createUndoWorld(t: TestContext): Promise<UndoWorld | undefined> {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return undefined
  const root = mkdtempSync(join(tmpdir(), 'cordon-undo-'))
  onEnd(t, () => rmSync(root, { recursive: true, force: true }))
  const etc = join(root, 'etc')
  const folder = join(root, 'files')
  cpSync('/etc', etc, { recursive: true, verbatimSymlinks: true, filter: isCopied })
  addAccounts(etc)
  fillFolder(folder)
  writeFileSync(join(endpoint.stateDirectory, 'agent.conf'), `search = ${folder}\n`)
  await startAgent(endpoint, etc)
  const { lab } = endpoint
  const idle = new Set<string>()
  const known = fileContents.map((content) => describeFile(join(folder, content, 'a')))
  let seq = 0
  const send = (id: string, family: Command['family'], body: JsonObject, taskId: string): Promise<CommandResult> => {
    seq += 1
    const safety = { policyVersion: 0, selfTestSeconds: 30, leaseSeconds: 3600 }
    sendCommand(endpoint.control, makeCommand({ commandId: id, seq, family, body, taskId, safety }))
    return endpoint.control.resultOf(id)
  }
  const { deviceId } = endpoint.control
  return {
    layRules: async (rules) => {
      const { code, stderr } = await lab.exec(lab.endpoint, 'nft', `flush ruleset; ${rules}`)
      if (code !== 0) throw new Error(stderr)
    },
    look: async () => {
      const accounts = ['passwd', 'shadow', 'group', 'gshadow', 'hosts'].map((name) => join(etc, name))
      const rules = `rules of ours: ${existsSync(join(endpoint.stateDirectory, 'ioc-rules.json'))}`
      const tree = describeTree(folder)
      return [await lab.listRuleset(lab.endpoint), ...accounts.map(readWhole), rules, ...tree].join('\n')
    },
    carryOut: async (id, deed) => {
      const { family, body } = writeDeed(deviceId, id, deed, false, known)
      const result = await send(id, family, body, id)
      // What somebody else has moved before is there already, and is his to bring back.
      if (deed.kind === 'quarantine' && movesNothing(result)) idle.add(id)
      // The server does not undo an enableUser that found the account enabled.
      if (deed.kind === 'enable' && result.targets[0]?.changed !== true) idle.add(id)
      return result
    },
    takeBack: async (id, deed, others) => {
      if (deed.kind === 'signOut' || (deed.kind === 'isolate' && others) || idle.has(id)) return undefined
      const { family, body } = writeDeed(deviceId, id, deed, true, known)
      return send(`${id}-undo`, family, body, id)
    },
  }
}

function movesNothing({ after }: CommandResult): boolean {
  return !Array.isArray(after?.moved) || after.moved.length === 0
}

// What nobody needs here, is a mount of its own, or comes and goes while a neighbour of this test makes accounts.
function isCopied(path: string): boolean {
  if (/^\/etc\/(\.pwd\.lock|(passwd|shadow|group|gshadow|subuid|subgid)[^/a-z]+.*|.*\.lock)$/.test(path)) return false
  return !/^\/etc\/(ssl|alternatives|netns|fonts|X11|chromium|postgresql|java|perl)\b/.test(path)
}

function addAccounts(etc: string): void {
  const hash = '$6$cordon$nothing'
  const shadows: Readonly<Record<string, string>> = {
    cdusual: `${hash}:19700:0:99999:7:::`,
    cdlocked: `!${hash}:19700:0:99999:7:::`,
    cdover: `${hash}:19700:0:99999:7::100:`,
    cdreset: `${hash}:0:0:99999:7:::`,
    cdnone: '*:19700:0:99999:7:::',
  }
  const append = (file: string, line: (name: string, index: number) => string): void => {
    const path = join(etc, file)
    writeFileSync(path, readFileSync(path, 'utf8') + accountNames.map((name, at) => `${line(name, at)}\n`).join(''))
  }
  append('passwd', (name, at) => `${name}:x:${60_100 + at}:65534::/nonexistent:/usr/sbin/nologin`)
  append('shadow', (name) => `${name}:${shadows[name]}`)
  // Without a line end, as people leave it.
  writeFileSync(join(etc, 'hosts'), '127.0.0.1 localhost\n198.51.100.9 printer')
}

function fillFolder(folder: string): void {
  for (const content of fileContents) {
    mkdirSync(join(folder, content), { recursive: true })
    writeFileSync(join(folder, content, 'a'), `${content} ${'x'.repeat(5_000)}`)
  }
  const at = (...names: string[]): string => join(folder, ...names)
  cpSync(at('copies', 'a'), at('copies', 'b'))
  chmodSync(at('copies', 'b'), 0o600)
  mkdirSync(at('copies', 'deep', 'er'), { recursive: true })
  cpSync(at('copies', 'a'), at('copies', 'deep', 'er', 'c'))
  linkSync(at('links', 'a'), at('links', 'b'))
  linkSync(at('links', 'a'), at('links', 'c'))
  symlinkSync('a', at('links', 'soft'))
  chownSync(at('special', 'a'), 4321, 8765)
  chmodSync(at('special', 'a'), 0o6751)
  cpSync(at('odd', 'a'), at('odd', 'line\nend "x"'))
  execFileSync('setfattr', ['-n', 'user.origin', '-v', 'https://evil.example/', at('special', 'a')])
  execFileSync('setcap', ['cap_net_raw+ep', at('special', 'a')])
  execFileSync('setfacl', ['-m', 'u:4322:rx', at('copies', 'b')])
  execFileSync('setfattr', ['-n', 'trusted.cordon', '-v', '0x00ff', at('links', 'b')])
  mkdirSync(at('apart'))
  writeFileSync(at('apart', 'letter'), 'nobody asked for this')
  execFileSync('touch', ['-d', '@1100000000.123456789', at('special', 'a'), at('odd', 'a'), at('apart')])
}

async function startAgent({ lab, control, stateDirectory, program }: Endpoint, etc: string): Promise<ChildProcess> {
  const probes = [`${lab.internet4}:${SERVICE_PORT}`, `[${lab.internet6}]:${SERVICE_PORT}`]
  const run = ['agent', 'run', '--state', stateDirectory, '--config', stateDirectory, '--probe', ...probes]
  // In a mount namespace of the agent alone: programs it starts, usermod and chage among them, see the copy.
  const script = 'mount --bind "$1" /etc && shift && exec "$@"'
  const inPlace = ['--mount', 'sh', '-c', script, 'sh', etc]
  const agent = lab.start(lab.endpoint, 'unshare', ...inPlace, process.execPath, program, ...run)
  agent.stdout?.resume()
  agent.stderr?.resume()
  await control.until('first heartbeat', () => control.heartbeats.length > 0)
  return agent
}

/** What is ordered to do and to undo a deed on an account. */
const accountActions = {
  disable: ['disableUser', 'enableUser'],
  enable: ['enableUser', 'disableUser'],
  reset: ['forceUserPasswordReset', 'forceUserPasswordReset'],
  signOut: ['requireSignIn', 'requireSignIn'],
} as const

function writeDeed(
  deviceId: string,
  id: string,
  deed: Deed,
  undo: boolean,
  files: readonly { readonly sha1: string; readonly sha256: string }[],
): { readonly family: Command['family']; readonly body: JsonObject } {
  switch (deed.kind) {
    case 'isolate': {
      const permitted = deed.selective ? { ipv4_net: ['203.0.113.0/25'], ipv6_net: ['fd13::/64'] } : undefined
      const body = undo
        ? writeUnIsolateDevice({ deviceId, killFlows: false })
        : writeIsolateDevice({ deviceId, durationMs: undefined, permitted })
      return { family: 'isolation', body }
    }
    case 'rule': {
      const indicator = parseIndicator(deed.indicator)
      if (!isUsable(indicator)) throw new Error(`${deed.indicator} is no indicator`)
      const rule = { ruleId: id, indicator, mode: deed.mode, untilMs: Date.now() + 3_600_000 }
      return { family: 'ioc', body: writeSubmitIocRule({ ...rule, withdraw: undo, allowInfrastructure: false }) }
    }
    case 'quarantine': {
      const { sha1 = '', sha256 = '' } = files[deed.file] ?? {}
      const hashes = deed.by === 'sha1' ? { sha1 } : { sha256 }
      const order = { path: undefined, sizeBytes: undefined, stopProcesses: true, walk: true, allowPackageFiles: false }
      const body = undo
        ? writeRestoreFile({ deviceId, hashes, executionId: id })
        : writeQuarantineFile({ deviceId, hashes, ...order })
      return { family: 'file', body }
    }
    case 'disable':
    case 'enable':
    case 'reset':
    case 'signOut': {
      const account = accountNames[deed.account] ?? ''
      const [done, undone] = accountActions[deed.kind]
      const actionType = undo ? undone : done
      return { family: 'account', body: writeAccount({ actionType, account, taskId: id, undo }) }
    }
  }
}

function readWhole(path: string): string {
  const { mode, uid, gid } = lstatSync(path)
  return `${path} ${mode.toString(8)} ${uid}:${gid}\n${readFileSync(path, 'utf8')}`
}

/**
 * Names, kinds, owners, modes, times, extended attributes, links and content of everything below a folder. A folder that lost a name and got
 * it back says so by its time; the others keep theirs.
 */
function describeTree(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  const dump = ['--recursive', '--physical', '--dump', '--match=-', '--encoding=hex', '--absolute-names']
  const lines = names.map((name) => {
    const path = join(folder, name)
    const stat = lstatSync(path, { bigint: true })
    const owned = `${JSON.stringify(name)} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid}`
    if (stat.isSymbolicLink()) return `${owned} -> ${readlinkSync(path)}`
    if (!stat.isFile()) return untouched.includes(name) ? `${owned} ${stat.mtimeNs}` : owned
    return `${owned} ${stat.nlink} links ${stat.size} bytes ${stat.mtimeNs} ${describeFile(path).sha256}`
  })
  const attributes = execFileSync('getfattr', [...dump, folder], { encoding: 'latin1' })
  return [...lines, ...attributes.split('\n\n').sort()]
}
