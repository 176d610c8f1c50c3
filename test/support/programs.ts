import { execFileSync, spawnSync } from 'node:child_process'
import { accessSync, constants, globSync } from 'node:fs'
import { join } from 'node:path'

/** The library that shows a program another time, for LD_PRELOAD; null when it is not installed. */
export function findFakeClock(): string | null {
  return globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')[0] ?? null
}

/** What the suites start beside Node: the Debian package, and how to see that it is there. */
interface Needed {
  readonly debian: string
  readonly present: () => boolean
}

/** The Python that Debian's python3-* packages are for. */
export const debianPython = '/usr/bin/python3'

const needed: readonly Needed[] = [
  { debian: 'nftables', present: () => hasProgram('nft') },
  { debian: 'iproute2', present: () => hasProgram('ip') },
  { debian: 'postgresql-15', present: () => isExecutable('/usr/lib/postgresql/15/bin/postgres') },
  { debian: 'chromium', present: () => hasProgram('chromium') },
  { debian: 'python3-msal', present: () => hasPythonModule('msal') },
  { debian: 'python3-requests', present: () => hasPythonModule('requests') },
  { debian: 'clamav', present: () => hasProgram('clamscan') },
  { debian: 'clamav-daemon', present: () => hasProgram('clamd') },
  { debian: 'clamdscan', present: () => hasProgram('clamdscan') },
  { debian: 'openssl', present: () => hasProgram('openssl') },
  { debian: 'curl', present: () => hasProgram('curl') },
  { debian: 'xz-utils', present: () => hasProgram('xz') },
  { debian: 'strace', present: () => hasProgram('strace') },
  { debian: 'attr', present: () => hasProgram('setfattr') },
  { debian: 'acl', present: () => hasProgram('setfacl') },
  { debian: 'libcap2-bin', present: () => hasProgram('setcap') },
  { debian: 'e2fsprogs', present: () => hasProgram('mkfs.ext4') },
  { debian: 'slapd', present: () => hasProgram('slapd') },
  { debian: 'ldap-utils', present: () => hasProgram('ldapsearch') },
  { debian: 'rsyslog', present: () => hasProgram('rsyslogd') },
  { debian: 'rsyslog-gnutls', present: () => globSync('/usr/lib/*/rsyslog/lmnsd_gtls.so').length > 0 },
  { debian: 'systemd', present: () => isExecutable('/lib/systemd/systemd') },
  { debian: 'systemd-container', present: () => hasProgram('systemd-nspawn') },
  { debian: 'dbus', present: () => hasProgram('dbus-daemon') },
  { debian: 'libfaketime', present: () => findFakeClock() !== null },
]

/** Debian packages the suites need and this machine does not have. */
export function listMissing(): string[] {
  return needed.filter((program) => !program.present()).map((program) => program.debian)
}

/**
 * Installs packages from the machine's own Debian mirror, without questions. Needs root.
 * @throws Error when apt-get fails; its own output has said why
 */
export function installPackages(packages: readonly string[]): void {
  const options = { stdio: 'inherit' as const, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  execFileSync('apt-get', ['update'], options)
  execFileSync('apt-get', ['install', '--yes', '--no-install-recommends', ...packages], options)
}

function hasProgram(name: string): boolean {
  // A person's PATH often lacks the folders of nft and ip.
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/bin']
  return folders.some((folder) => folder !== '' && isExecutable(join(folder, name)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function hasPythonModule(name: string): boolean {
  // Debian's own Python has Debian's modules; another one may come first in PATH.
  return spawnSync(debianPython, ['-c', `import ${name}`], { stdio: 'ignore' }).status === 0
}
