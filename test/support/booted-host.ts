import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Ending, onEnd } from './cleanup.ts'
import { type ExecOutcome, type Lab, stop } from './netns.ts'

/**
 * A Debian of its own with systemd as its first process: the tree of this machine, read-only below a memory file system that takes every
 * write, in the endpoint's network of a lab. Nothing of it is left when the test ends.
 */
export interface BootedHost {
  /** Runs a program inside and waits for it. */
  readonly exec: (program: string, ...args: string[]) => Promise<ExecOutcome>
  /** Runs a program inside. @throws Error with its words when it fails */
  readonly must: (program: string, ...args: string[]) => Promise<string>
  /** Writes a file inside. */
  readonly write: (path: string, text: string) => Promise<void>
  /**
   * Lets systemd inside reboot. As with a machine, the rules of the kernel and the addresses of its interfaces are gone until the boot
   * brings them back.
   */
  readonly reboot: () => Promise<void>
}

/** Rules of the kernel as they were when the last boot brought the network up, and before its first interface was up. */
export const rulesAtNetwork = '/run/lab-rules'

/**
 * Boots a host and waits until its systemd has started everything.
 * @returns why no systemd can be booted here, as text
 * @throws Error when it is booted and does not come up
 */
export async function bootHost(t: Ending, lab: Lab): Promise<BootedHost | string> {
  const missing = ['/usr/bin/systemd-nspawn', '/lib/systemd/systemd', '/usr/bin/dbus-daemon'].find(
    (it) => !existsSync(it),
  )
  if (missing !== undefined) return `${missing} is missing (packages systemd-container, systemd, dbus)`
  const folder = mkdtempSync(join(tmpdir(), 'cordon-boot-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'lab-network'), writeNetwork(lab))
  writeFileSync(join(folder, 'lab-network.service'), networkUnit)
  const groups = makeControlGroups()
  onEnd(t, async () => {
    for (const group of groups) await removeControlGroup(group)
  })
  const words = [
    'sh',
    '-c',
    holder,
    'sh',
    folder,
    lab.endpoint,
    groups.map((group) => join(group, 'cgroup.procs')).join(' '),
  ]
  const own = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc', ...words]
  // It ends with this process, however that ends, and everything inside with it.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...own], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (said = `${said}${chunk}`.slice(-4000)))
  onEnd(t, () => stop(child))
  let init = await waitForBoot(child, undefined)
  if (init === undefined) return `systemd-nspawn does not boot here: ${said.trim()}`
  const exec: BootedHost['exec'] = (...program) => runInside(init ?? 0, program)
  const must: BootedHost['must'] = async (...program) => {
    const { code, stdout, stderr } = await exec(...program)
    if (code !== 0) throw new Error(`${program.join(' ')}: ${code} ${stdout} ${stderr}`)
    return stdout
  }
  return {
    exec,
    must,
    write: async (path, text) => {
      await must('sh', '-c', 'printf %s "$2" > "$1"', 'sh', path, text)
    },
    reboot: async () => {
      const before = init
      await exec('systemctl', '--no-block', 'reboot')
      init = await waitForBoot(child, before)
      if (init === undefined) throw new Error(`the host did not boot again: ${said.trim()}`)
    },
  }
}

// $1 folder, $2 network namespace, $3 files that take a process into the control groups of this host.
const holder = `
set -e
for group in $3; do echo 0 > "$group"; done
mkdir "$1"/memory
mount -t tmpfs -o mode=0755,size=1g cordon "$1"/memory
cd "$1"/memory
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir="$PWD"/upper,workdir="$PWD"/work overlay "$PWD"/root
# What systemd-nspawn keeps and shows of this machine would be file systems of this machine inside.
mkdir -p /run/systemd
mount -t tmpfs cordon /run/systemd
cp /usr/lib/os-release os-release
mount --bind os-release /usr/lib/os-release
# Only what Debian starts by itself, and nothing this machine was set up for.
rm -rf root/etc/systemd/system/* root/etc/rc?.d root/etc/cordon root/var/lib/cordon root/var/log/journal root/etc/machine-id root/var/lib/dbus/machine-id
: > root/etc/fstab
: > root/etc/machine-id
cp "$1"/lab-network root/etc/lab-network
cp "$1"/lab-network.service root/etc/systemd/system/
mkdir root/etc/systemd/system/multi-user.target.wants
ln -s ../lab-network.service root/etc/systemd/system/multi-user.target.wants/
while :; do
  code=0
  SYSTEMD_SECCOMP=0 systemd-nspawn --quiet --boot --directory="$PWD"/root --network-namespace-path=/run/netns/"$2" \\
    --machine="$2" --register=no --keep-unit --capability=CAP_NET_ADMIN --resolv-conf=off --timezone=off --link-journal=no \\
    --console=pipe < /dev/null || code=$?
  # Its word for a reboot.
  [ $code = 133 ] || exit $code
  ip netns exec "$2" nft flush ruleset
  for link in ep0 ep1; do ip -n "$2" link set $link down; done
done
`

const networkUnit = `[Unit]
DefaultDependencies=no
After=local-fs.target network-pre.target
Wants=network-pre.target network.target network-online.target
Before=network.target network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /etc/lab-network
`

function writeNetwork({ control6, endpoint4 }: Lab): string {
  return [
    'set -e',
    `nft list ruleset > ${rulesAtNetwork}`,
    'for link in ep0 ep1; do ip link set $link up; done',
    `ip addr replace ${endpoint4}/24 dev ep0`,
    `ip addr replace ${control6.replace(/1$/, '2')}/64 dev ep0 nodad`,
    'ip addr replace 198.51.100.2/24 dev ep1',
    'ip addr replace fd51::2/64 dev ep1 nodad',
    'ip route replace default via 198.51.100.1',
    'ip -6 route replace default via fd51::1',
    '',
  ].join('\n')
}

const BOOT_MS = 240_000

/** @returns the first process inside as seen from here; undefined when the holder has ended */
async function waitForBoot(holding: ChildProcess, before: number | undefined): Promise<number | undefined> {
  const end = performance.now() + BOOT_MS
  while (performance.now() < end) {
    if (holding.exitCode !== null || holding.signalCode !== null) return undefined
    const init = findInit(holding.pid ?? 0)
    if (init !== undefined && init !== before) {
      const { stdout } = await runInside(init, ['systemctl', 'is-system-running', '--wait'])
      if (['running', 'degraded'].includes(stdout.trim())) return init
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`systemd did not come up within ${BOOT_MS / 1000} s`)
}

/** unshare, the holder, systemd-nspawn, and its child. */
function findInit(holding: number): number | undefined {
  let pid = holding
  for (let depth = 0; depth < 3; depth += 1) {
    const child = listChildren(pid)[0]
    if (child === undefined) return undefined
    pid = child
  }
  return readComm(pid) === 'systemd' ? pid : undefined
}

function listChildren(pid: number): readonly number[] {
  const text = readOrNothing(`/proc/${pid}/task/${pid}/children`)
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map(Number)
}

function readComm(pid: number): string {
  return readOrNothing(`/proc/${pid}/comm`).trim()
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // The process is gone.
    return ''
  }
}

function runInside(init: number, program: readonly string[]): Promise<ExecOutcome> {
  const clean = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C', 'DEBIAN_FRONTEND=noninteractive']
  const words = ['--target', String(init), '--all', ...clean, ...program]
  return new Promise((resolve) => {
    execFile(
      'nsenter',
      words,
      { encoding: 'utf8', timeout: BOOT_MS, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ code, stdout, stderr })
      },
    )
  })
}

let counter = 0

/** systemd-nspawn makes its own below those it is started in, and leaves them behind. @returns one for each hierarchy it writes to */
function makeControlGroups(): readonly string[] {
  counter += 1
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')
  return lines.flatMap((line) => {
    const [, controllers, path = '/'] = line.split(':')
    const roots = { '': ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'], 'name=systemd': ['/sys/fs/cgroup/systemd'] }
    const known = controllers === '' || controllers === 'name=systemd' ? roots[controllers] : []
    const root = known.find((one) => existsSync(join(one, 'cgroup.procs')))
    if (root === undefined) return []
    const group = join(root, path, `cordon-${process.pid}-${counter}`)
    mkdirSync(group)
    return [group]
  })
}

async function removeControlGroup(group: string): Promise<void> {
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeControlGroup(join(group, entry.name))
  }
  const end = performance.now() + 60_000
  for (;;) {
    try {
      return rmdirSync(group)
    } catch (error) {
      // The kernel still takes the last processes away.
      if (performance.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
