import { createHmac } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { hostname, type NetworkInterfaceInfo, networkInterfaces, release } from 'node:os'
import type { HostFacts, HostInterface } from '../../protocol/messages.ts'
import { addressFamily } from '../actions/addresses.ts'
import type { RunProgram } from './run-program.ts'

/**
 * Collects what a heartbeat says about the host.
 * @param name host name to report instead of the system's own
 */
export async function readHostFacts(run: RunProgram, name: string | undefined): Promise<HostFacts> {
  const interfaces = readInterfaces()
  return {
    os: readOsName(),
    kernel: release(),
    hostname: name ?? hostname(),
    fqdn: readFqdn(),
    machineId: readMachineId(),
    addresses: interfaces
      .flatMap((entry) => entry.addresses.map((address) => address.split('/')[0] ?? ''))
      .slice(0, 256),
    interfaces,
    loggedOnUsers: await readLoggedOnUsers(run),
  }
}

/** The distribution's own name for itself, e.g. `Debian GNU/Linux 12 (bookworm)`. */
export function readOsName(): string {
  const match = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readText('/etc/os-release'))
  return (match?.[1] ?? 'Linux').slice(0, 200)
}

/**
 * A stable id of this installation, 32 hexadecimal digits.
 * The machine id itself must not leave the host (machine-id(5)), so it goes through a keyed hash first.
 */
export function readMachineId(): string {
  const machineId = readText('/etc/machine-id').trim() || hostname()
  return createHmac('sha256', machineId).update('cordon-agent').digest('hex').slice(0, 32)
}

/** Id of the running boot. */
export function readBootId(): string {
  return readText('/proc/sys/kernel/random/boot_id').trim()
}

/** Every network interface but loopback, also those without an address or that are down. */
export function listInterfaceNames(): readonly string[] {
  // Not /sys/class/net: a container may see the interfaces of another network namespace there.
  return readText('/proc/self/net/dev')
    .split('\n')
    .slice(2)
    .map((line) => line.slice(0, line.lastIndexOf(':')).trim())
    .filter((name) => name !== '' && name !== 'lo')
}

/** Default gateways of both families, as the kernel's routing tables list them. */
export function readGateways(): readonly string[] {
  const v4 = readText('/proc/self/net/route')
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter(([, destination, gateway]) => destination === '00000000' && gateway !== undefined && gateway !== '00000000')
    .map(([, , gateway]) =>
      (gateway?.match(/../g) ?? [])
        .reverse()
        .map((byte) => Number.parseInt(byte, 16))
        .join('.'),
    )
  const v6 = readText('/proc/self/net/ipv6_route')
    .split('\n')
    .map((line) => line.split(/\s+/))
    .filter(([to, length, , , gateway]) => /^0+$/.test(to ?? '') && length === '00' && !/^0*$/.test(gateway ?? ''))
    .map(([, , , , gateway]) => (gateway?.match(/.{4}/g) ?? []).join(':'))
    // A link-local gateway cannot be named without its interface.
    .filter((gateway) => !/^fe[89ab]/.test(gateway))
  return [...new Set([...v4, ...v6])]
}

/** IPv4 addresses of the DHCP servers this host holds a lease of, from the lease files of dhclient and systemd-networkd. */
export function readDhcpServers(): readonly string[] {
  const found = new Set<string>()
  for (const [directory, pattern] of [
    ['/var/lib/dhcp', /dhcp-server-identifier ([0-9.]+)/g],
    ['/run/systemd/netif/leases', /^SERVER_ADDRESS=([0-9.]+)$/gm],
  ] as const) {
    for (const file of listFiles(directory)) {
      for (const match of readText(`${directory}/${file}`).matchAll(pattern)) if (match[1]) found.add(match[1])
    }
  }
  return [...found].filter((address) => addressFamily(address) === 4)
}

function readInterfaces(): HostInterface[] {
  const known = networkInterfaces()
  return listInterfaceNames()
    .slice(0, 256)
    .map((name) => {
      const infos: NetworkInterfaceInfo[] = known[name] ?? []
      return {
        name,
        mac: infos[0]?.mac ?? null,
        addresses: infos.flatMap((info) => (info.cidr === null ? [] : [info.cidr])).slice(0, 64),
      }
    })
}

function readFqdn(): string | null {
  const name = hostname()
  if (name.includes('.')) return name.toLowerCase()
  for (const line of readText('/etc/hosts').split('\n')) {
    const names = line.replace(/#.*/, '').split(/\s+/).slice(1)
    const full = names.find((candidate) => candidate.startsWith(`${name}.`))
    if (full !== undefined) return full.toLowerCase()
  }
  return null
}

async function readLoggedOnUsers(run: RunProgram): Promise<readonly string[]> {
  const { code, stdout } = await run('who', [])
  if (code !== 0) return []
  const users = stdout.split('\n').map((line) => line.split(' ')[0] ?? '')
  return [...new Set(users.filter((user) => user !== ''))].slice(0, 256)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Absent on some hosts (no IPv6, no machine id, no lease): the fact is then simply not there.
    return ''
  }
}

function listFiles(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
