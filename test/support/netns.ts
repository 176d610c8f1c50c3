import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** What a program answered. */
export interface ExecOutcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Three hosts in network namespaces: the endpoint under test, the "internet" behind its default route, and a container behind the
 * endpoint. The control addresses lie in the namespace of the test itself, on a cable of their own to the endpoint.
 */
export interface Lab {
  /** Names of the namespaces. */
  readonly endpoint: string
  readonly internet: string
  readonly container: string
  readonly control4: string
  readonly control6: string
  /** The endpoint's addresses as control and internet see them. */
  readonly endpoint4: string
  readonly internet4: string
  readonly internet6: string
  readonly container4: string
  /** Runs a program in a namespace and waits for it. */
  readonly exec: (namespace: string, program: string, ...args: string[]) => Promise<ExecOutcome>
  /** Starts a program in a namespace; it is killed at the end of the test. */
  readonly start: (namespace: string, program: string, ...args: string[]) => ChildProcess
  /** Tells whether a TCP connection succeeds within half a second, by the time of who connects: one that was held up does not count. */
  readonly reaches: (namespace: string, address: string, port: number) => Promise<boolean>
  readonly listRuleset: (namespace: string) => Promise<string>
  /** Says which addresses the endpoint finds under a name; programs started after the first call see every change. */
  readonly writeHosts: (name: string, addresses: readonly string[]) => void
}

/** What a lab belongs to: a test, or anything else that ends and says so. */
export interface LabScope {
  after(cleanup: () => unknown): void
  skip(reason: string): void
}

/** Port of the service that runs in the internet and on the endpoint. */
export const SERVICE_PORT = 7777

/**
 * Builds a lab and takes it down after the test, also after a failed one. Skips the test, with the reason, where the machine cannot.
 * @returns undefined when the test was skipped
 */
export async function createLab(t: LabScope): Promise<Lab | undefined> {
  const problem = await findProblem()
  if (problem !== undefined) {
    t.skip(problem)
    return undefined
  }
  counter += 1
  const mark = `cordon-${process.pid}-${counter}`
  const [endpoint, internet, container] = [`${mark}-ep`, `${mark}-in`, `${mark}-co`]
  const children: ChildProcess[] = []
  t.after(async () => {
    await Promise.all(children.map((child) => stop(child)))
    for (const name of [container, endpoint, internet]) await run('ip', 'netns', 'del', name)
    rmSync(namesFolder(endpoint), { recursive: true, force: true })
  })
  for (const name of [endpoint, internet, container]) await must('ip', 'netns', 'add', name)
  for (const name of [endpoint, internet, container]) await must('ip', '-n', name, 'link', 'set', 'lo', 'up')
  const { cable, net } = await layCable(endpoint)
  const lab = openLab({ endpoint, internet, container, net, children })
  await addresses(undefined, cable, [`${lab.control4}/24`, `${lab.control6}/64`])
  await addresses(endpoint, 'ep0', [`${lab.endpoint4}/24`, `fd09:${net.hex}::2/64`])
  await must('ip', '-n', endpoint, 'link', 'add', 'ep1', 'type', 'veth', 'peer', 'name', 'in0', 'netns', internet)
  await addresses(endpoint, 'ep1', ['198.51.100.2/24', 'fd51::2/64'])
  await addresses(internet, 'in0', ['198.51.100.1/24', 'fd51::1/64'])
  await addresses(internet, 'lo', [`${lab.internet4}/32`, `${lab.internet6}/128`])
  await must('ip', '-n', endpoint, 'route', 'add', 'default', 'via', '198.51.100.1')
  await must('ip', '-n', endpoint, '-6', 'route', 'add', 'default', 'via', 'fd51::1')
  await must('ip', '-n', endpoint, 'link', 'add', 'br0', 'type', 'bridge')
  await addresses(endpoint, 'br0', ['10.88.0.1/24'])
  await must('ip', '-n', endpoint, 'link', 'add', 'co0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', container)
  await must('ip', '-n', endpoint, 'link', 'set', 'co0', 'master', 'br0', 'up')
  await addresses(container, 'eth0', [`${lab.container4}/24`])
  await must('ip', '-n', container, 'route', 'add', 'default', 'via', '10.88.0.1')
  await must('ip', '-n', internet, 'route', 'add', '10.88.0.0/24', 'via', '198.51.100.2')
  await must('ip', 'netns', 'exec', endpoint, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
  for (const name of [internet, endpoint]) await lab.serve(name)
  return lab
}

let counter = 0

interface Net {
  readonly decimal: string
  readonly hex: string
}

interface LabParts {
  readonly endpoint: string
  readonly internet: string
  readonly container: string
  readonly net: Net
  readonly children: ChildProcess[]
}

/** A lab that is being built. */
interface OpenLab extends Lab {
  /** Starts the service of a namespace. */
  readonly serve: (namespace: string) => Promise<void>
}

function openLab({ endpoint, internet, container, net, children }: LabParts): OpenLab {
  const helpers = new Map<string, Promise<Helper>>()
  const help = (namespace: string, port: number): Promise<Helper> => {
    const helper = helpers.get(namespace) ?? startHelper(namespace, port, children)
    helpers.set(namespace, helper)
    return helper
  }
  const exec: Lab['exec'] = (namespace, ...words) => run('ip', 'netns', 'exec', namespace, ...words)
  return {
    endpoint,
    internet,
    container,
    control4: `10.${net.decimal}.1`,
    control6: `fd09:${net.hex}::1`,
    endpoint4: `10.${net.decimal}.2`,
    internet4: '203.0.113.7',
    internet6: 'fd13::7',
    container4: '10.88.0.2',
    exec,
    start: (namespace, ...words) => {
      const child = spawn('ip', ['netns', 'exec', namespace, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
      children.push(child)
      return child
    },
    reaches: async (namespace, address, port) => (await help(namespace, 0)).reaches(address, port),
    serve: async (namespace) => {
      await help(namespace, SERVICE_PORT)
    },
    writeHosts: (name, found) => {
      const lines = ['127.0.0.1 localhost', ...found.map((address) => `${address} ${name}`), '']
      mkdirSync(namesFolder(endpoint), { recursive: true })
      // In place: what `ip netns exec` has put over /etc/hosts is this very file.
      writeFileSync(join(namesFolder(endpoint), 'hosts'), lines.join('\n'))
      // Nobody answers there, and says so at once.
      writeFileSync(join(namesFolder(endpoint), 'resolv.conf'), 'nameserver 127.0.0.1\n')
    },
    listRuleset: async (namespace) => (await exec(namespace, 'nft', 'list', 'ruleset')).stdout,
  }
}

/** What `ip netns exec` puts over files of /etc. @source ip-netns(8) */
function namesFolder(namespace: string): string {
  return join('/etc/netns', namespace)
}

/** A process that stands in a namespace for as long as the lab does, and connects when it is told to. */
interface Helper {
  readonly reaches: (address: string, port: number) => Promise<boolean>
}

/**
 * Tries a connection for each line, `number address port`. It was started long before and measures by its own clock: how long a program takes
 * to begin on a busy machine is no part of it. With a port it is also a service that sends a byte every 50 ms over each connection.
 */
const helperProgram = `
const { connect, createServer } = require('node:net')
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const [number, address, port] = line.split(' ')
  let isOver = false
  const end = (reached) => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    socket.destroy()
    console.log(number + ' ' + reached)
  }
  const socket = connect(Number(port), address, () => end(true)).once('error', () => end(false))
  // A process that stood still hears of its timer before it hears of its connection.
  const timer = setTimeout(() => setImmediate(() => end(false)), 500)
})
const port = Number(process.argv[1])
if (port === 0) console.log('ready')
else createServer((socket) => {
  const timer = setInterval(() => socket.write('.'), 50)
  socket.on('error', () => {}).on('close', () => clearInterval(timer))
}).listen({ port, host: '::' }, () => console.log('ready'))
`

async function startHelper(namespace: string, port: number, children: ChildProcess[]): Promise<Helper> {
  const words = ['netns', 'exec', namespace, process.execPath, '-e', helperProgram, String(port)]
  const child = spawn('ip', words, { stdio: ['pipe', 'pipe', 'ignore'] })
  children.push(child)
  child.stdin.on('error', () => {})
  const waiting = new Map<string, (reached: boolean) => void>()
  const lines = createInterface({ input: child.stdout })
  await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`helper ended with ${code}`))),
  ])
  lines.on('line', (line) => {
    const [number = '', reached] = line.split(' ')
    waiting.get(number)?.(reached === 'true')
    waiting.delete(number)
  })
  child.once('exit', () => {
    for (const answer of waiting.values()) answer(false)
  })
  let asked = 0
  return {
    reaches: async (address, to) => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error('the helper has ended')
      asked += 1
      const number = String(asked)
      return new Promise((resolve) => {
        waiting.set(number, resolve)
        child.stdin.write(`${number} ${address} ${to}\n`)
      })
    },
  }
}

/** Ends a child and waits for it. */
export async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  child.kill(signal)
  return ended
}

async function findProblem(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux'
  if ((await run('ip', '-V')).code !== 0) return 'needs the ip command (package iproute2)'
  if ((await run('nft', '--version')).code !== 0) return 'needs the nft command (package nftables)'
  await removeLeftovers()
  tries += 1
  const name = `cordon-${process.pid}-try${tries}`
  const made = await run('ip', 'netns', 'add', name)
  if (made.code !== 0) return 'network namespaces are not permitted here'
  const probe = await run('ip', 'netns', 'exec', name, 'nft', 'list', 'ruleset')
  const veth = await run('ip', '-n', name, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
  await run('ip', 'netns', 'del', name)
  if (probe.code !== 0) return 'the kernel has no nftables'
  return veth.code === 0 ? undefined : 'the kernel has no veth interfaces'
}

let tries = 0

// A run that was killed cannot clean up; its namespaces carry its process id. One that carries ours before we made any is of such a run.
async function removeLeftovers(): Promise<void> {
  const { stdout } = await run('ip', 'netns', 'list')
  for (const [name, pid] of stdout.matchAll(/cordon-(\d+)-[\w-]+/g)) {
    const isOurs = Number(pid) === process.pid
    if (name === undefined || (isOurs ? tries > 0 : existsSync(`/proc/${pid}`))) continue
    await run('ip', 'netns', 'del', name)
    rmSync(namesFolder(name), { recursive: true, force: true })
  }
}

/**
 * Lays the control cable. Labs that stand side by side, of whatever run, must not share its network: the number of the network is in the name
 * of the cable, which there is only once.
 */
async function layCable(endpoint: string): Promise<{ readonly cable: string; readonly net: Net }> {
  const networks = 16_384
  for (let offset = 0; offset < networks; offset += 1) {
    const number = (process.pid * 8 + counter + offset) % networks
    const cable = `cd${number}`
    const made = await run('ip', 'link', 'add', cable, 'type', 'veth', 'peer', 'name', 'ep0', 'netns', endpoint)
    if (made.code === 0) {
      return { cable, net: { decimal: `${64 + (number >> 8)}.${number & 255}`, hex: number.toString(16) } }
    }
    if (!made.stderr.includes('File exists')) throw new Error(`no cable: ${made.stderr.trim()}`)
  }
  throw new Error('every network has a cable')
}

async function addresses(namespace: string | undefined, link: string, list: readonly string[]): Promise<void> {
  const where = namespace === undefined ? [] : ['-n', namespace]
  for (const address of list) {
    const family = address.includes(':')
      ? ['-6', 'addr', 'add', address, 'dev', link, 'nodad']
      : ['addr', 'add', address, 'dev', link]
    await must('ip', ...where, ...family)
  }
  await must('ip', ...where, 'link', 'set', link, 'up')
}

async function must(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await run(program, ...args)
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr.trim()}`)
}

/** A machine under load takes 20 s to start an agent alone. */
const patienceMs = 60_000

function run(program: string, ...args: string[]): Promise<ExecOutcome> {
  return new Promise((resolve) => {
    execFile(program, args, { encoding: 'utf8', timeout: patienceMs }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, stdout, stderr })
    })
  })
}
