import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { systemClock } from '../../src/io/clock.ts'
import { loadTls } from '../../src/io/tls.ts'
import { type Ending, onEnd } from './cleanup.ts'
import { findFreePort, stopChild } from './postgres.ts'

const run = promisify(execFile)

/** A directory of the test's own: OpenLDAP with password policies, on loopback, with a certificate of a CA only the test knows. */
export interface Directory {
  readonly ldapsPort: number
  /** StartTLS; simple binds without it are refused. */
  readonly ldapPort: number
  /** PEM of the CA. */
  readonly ca: string
  /** Settings of a connector that may use it, over LDAPS. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Whether a bind as that user with that password succeeds, as another program sees it, and what the server said. */
  bind(uid: string, password: string): Promise<{ readonly ok: boolean; readonly said: string }>
  /** Values of attributes of a user, operational ones among them. */
  read(uid: string): Promise<Readonly<Record<string, string>>>
  /** Changes made by somebody else, as LDIF. */
  change(ldif: string): Promise<void>
  kill(): Promise<void>
  start(): Promise<void>
}

/** What a test may want otherwise. */
export interface DirectoryOptions {
  /** The connector's account may write this; without it, everything it needs. */
  readonly access?: string
  /** Lines of the default policy beside the name. */
  readonly policy?: readonly string[]
  /** Users, each with the password `<uid>-password`. */
  readonly users?: readonly string[]
  /** Without the ppolicy overlay. */
  readonly plain?: boolean
  /** Without a certificate: there is no LDAPS, and StartTLS is refused. */
  readonly noTls?: boolean
}

export const bindPassword = 'connector-password'
const rootPassword = 'root-password'
const base = 'dc=example,dc=org'
const root = `cn=root,${base}`

/** Name of a user's entry. */
export function dnOf(uid: string): string {
  return `uid=${uid},ou=people,${base}`
}

/** Starts a directory; killed and removed with the test. */
export async function startDirectory(t: Ending, options: DirectoryOptions = {}): Promise<Directory> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-slapd-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  const tls = await loadTls(folder, [], systemClock)
  const [ldapPort, ldapsPort] = [await findFreePort(), await findFreePort()]
  mkdirSync(join(folder, 'db'))
  writeFileSync(join(folder, 'slapd.conf'), writeConfig(folder, options))
  writeFileSync(join(folder, 'given.ldif'), writeEntries(options))
  await run('/usr/sbin/slapadd', ['-f', join(folder, 'slapd.conf'), '-l', join(folder, 'given.ldif')])
  let child: ChildProcess | null = null
  const start = async (): Promise<void> => {
    const urls = `ldap://127.0.0.1:${ldapPort}${options.noTls ? '' : ` ldaps://127.0.0.1:${ldapsPort}`}`
    child = spawn('/usr/sbin/slapd', ['-f', join(folder, 'slapd.conf'), '-h', urls, '-d', '0'], { stdio: 'ignore' })
    await waitForPort(child, options.noTls ? ldapPort : ldapsPort)
  }
  const kill = async (): Promise<void> => {
    if (child !== null) await stopChild(child, 'SIGKILL')
  }
  onEnd(t, kill)
  await start()
  const env = { ...process.env, LDAPTLS_CACERT: tls.caPath }
  const url = `ldaps://localhost:${ldapsPort}`
  return {
    ldapPort,
    ldapsPort,
    ca: tls.ca,
    settings: {
      url,
      ca: tls.ca,
      bindDn: `cn=cordon,ou=services,${base}`,
      baseDn: `ou=people,${base}`,
      passwordPolicy: `cn=default,ou=policies,${base}`,
    },
    bind: async (uid, password) => {
      const args = ['-x', '-H', url, '-D', dnOf(uid), '-w', password, '-e', 'ppolicy']
      try {
        const { stdout, stderr } = await run('ldapwhoami', args, { env })
        return { ok: true, said: `${stdout}${stderr}` }
      } catch (cause) {
        return { ok: false, said: cause instanceof Error ? cause.message : '' }
      }
    },
    read: async (uid) => {
      const args = ['-x', '-LLL', '-o', 'ldif-wrap=no', '-H', url, '-D', root, '-w', rootPassword]
      const { stdout } = await run(
        'ldapsearch',
        [...args, '-b', dnOf(uid), '-s', 'base', '(objectClass=*)', '*', '+'],
        { env },
      )
      return Object.fromEntries(
        stdout.split('\n').map((line) => [line.split(':')[0] ?? '', line.slice(line.indexOf(':') + 2)]),
      )
    },
    change: async (ldif) => {
      const file = join(folder, 'change.ldif')
      writeFileSync(file, ldif)
      await run('ldapmodify', ['-x', '-H', url, '-D', root, '-w', rootPassword, '-f', file], { env })
    },
    kill,
    start,
  }
}

function writeConfig(folder: string, { access, plain = false, noTls = false }: DirectoryOptions): string {
  const files = join(folder, 'tls')
  const may = access ?? 'attrs=pwdAccountLockedTime,pwdReset'
  return [
    ...['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`),
    'modulepath /usr/lib/ldap',
    'moduleload back_mdb',
    ...(plain ? [] : ['moduleload ppolicy']),
    ...(noTls ? [] : [`TLSCertificateFile ${files}/server.crt`, `TLSCertificateKeyFile ${files}/server.key`]),
    'security simple_bind=128',
    'database mdb',
    'maxsize 16777216',
    `suffix "${base}"`,
    `rootdn "${root}"`,
    `rootpw ${rootPassword}`,
    `directory ${folder}/db`,
    ...(plain ? [] : ['overlay ppolicy', `ppolicy_default "cn=default,ou=policies,${base}"`, 'ppolicy_use_lockout']),
    'access to attrs=userPassword by anonymous auth by self write by * none',
    ...(plain ? [] : [`access to ${may} by dn.base="cn=cordon,ou=services,${base}" write by * read`]),
    'access to * by * read',
    '',
  ].join('\n')
}

function writeEntries({
  policy = ['pwdLockout: TRUE', 'pwdMustChange: TRUE'],
  users = ['ada', 'bob'],
  plain = false,
}: DirectoryOptions): string {
  const folders = ['people', 'services', 'policies'].map(
    (name) => `dn: ou=${name},${base}\nobjectClass: organizationalUnit\nou: ${name}`,
  )
  const people = users.map((uid) =>
    [
      `dn: ${dnOf(uid)}`,
      'objectClass: inetOrgPerson',
      `uid: ${uid}`,
      `cn: ${uid}`,
      `sn: ${uid}`,
      `mail: ${uid}@example.org`,
      `userPassword: ${uid}-password`,
    ].join('\n'),
  )
  return [
    `dn: ${base}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example`,
    ...folders,
    `dn: cn=cordon,ou=services,${base}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: cordon\nuserPassword: ${bindPassword}`,
    ...(plain
      ? []
      : [
          [
            `dn: cn=default,ou=policies,${base}`,
            ...['device', 'pwdPolicy'].map((name) => `objectClass: ${name}`),
            'cn: default',
            'pwdAttribute: userPassword',
            ...policy,
          ].join('\n'),
        ]),
    ...people,
    '',
  ].join('\n\n')
}

async function waitForPort(child: ChildProcess, port: number): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    if (child.exitCode !== null) throw new Error(`slapd ended with ${child.exitCode} before it was ready`)
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    if (Date.now() > deadline) throw new Error('slapd was not ready within 60 s')
    await sleep(20)
  }
}
