import { addressFamily, type Endpoint } from './addresses.ts'

/** Name of our tables, in the families inet and netdev. */
export const TABLE = 'cordon_iso'

/** Everything an isolation consists of; equal plans make equal rulesets. */
export interface IsolationPlan {
  readonly mode: 'full' | 'selective'
  /** Addresses and port of the control channel, both families. */
  readonly control: readonly Endpoint[]
  /** CIDR text that stays open; empty for `full`. */
  readonly allow4: readonly string[]
  readonly allow6: readonly string[]
  /** Interfaces that get an egress chain; empty when the kernel has no such hook. */
  readonly egress: readonly string[]
  /** DHCP servers the host got its lease from; empty when its addresses are static. */
  readonly dhcp4: readonly string[]
}

/**
 * Writes the isolation as one nft transaction that replaces an earlier one. Two layers: inet chains below every usual priority, whose
 * drop is final, and per interface an egress chain that also sees raw sockets. The `isolated` sets carry the kernel's own timer: when
 * their elements end, every packet leaves at the first rule.
 * @param leaseSeconds how long the kernel keeps the isolation without a renewal
 * @source design actions.md 8.2 (measured)
 */
export function writeIsolation(plan: IsolationPlan, leaseSeconds: number): string {
  const lines = [...replaceTable('inet'), ...inetTable(plan, leaseSeconds)]
  // The netdev table of an earlier isolation must go even when this one has none.
  if (plan.egress.length > 0) lines.push(...replaceTable('netdev'), ...netdevTable(plan, leaseSeconds))
  return `${lines.join('\n')}\n`
}

/** Writes the release: works with and without our tables, because declaring a table first makes its deletion safe. */
export function writeRelease(families: readonly ('inet' | 'netdev')[]): string {
  return `${families.flatMap(replaceTable).join('\n')}\n`
}

/** Writes the renewal of the kernel timers; a plain `add element` would not extend them. */
export function writeRenewal(egress: readonly string[], leaseSeconds: number): string {
  const inet = ['ipv4', 'ipv6']
  const lines = [
    `delete element inet ${TABLE} isolated { ${inet.join(', ')} }`,
    `add element inet ${TABLE} isolated { ${timed(inet, leaseSeconds)} }`,
  ]
  if (egress.length > 0) {
    const names = egress.map(quoteName)
    lines.push(`delete element netdev ${TABLE} isolated { ${names.join(', ')} }`)
    lines.push(`add element netdev ${TABLE} isolated { ${timed(names, leaseSeconds)} }`)
  }
  return `${lines.join('\n')}\n`
}

/** A transaction that only exists to ask the kernel whether it has the egress hook (`nft -c`). */
export const egressProbe: string = `table netdev cordon_probe {
  chain probe { type filter hook egress device "lo" priority 0; policy accept; }
}
`

/** Interface names that can stand in a ruleset; the kernel also allows quotes and other signs nobody uses. */
export function isUsableInterface(name: string): boolean {
  return /^[A-Za-z0-9_.:@-]{1,15}$/.test(name)
}

function replaceTable(family: string): string[] {
  return [`table ${family} ${TABLE}`, `delete table ${family} ${TABLE}`]
}

function inetTable(plan: IsolationPlan, leaseSeconds: number): string[] {
  const hasDhcp = plan.dhcp4.length > 0
  return [
    `table inet ${TABLE} {`,
    `  set isolated { type nf_proto; flags timeout; elements = { ${timed(['ipv4', 'ipv6'], leaseSeconds)} } }`,
    ...controlSets(plan.control),
    `  set allow4 { type ipv4_addr; flags interval; ${elements(plan.allow4)} }`,
    `  set allow6 { type ipv6_addr; flags interval; ${elements(plan.allow6)} }`,
    ...(hasDhcp ? [`  set dhcp4 { type ipv4_addr; ${elements(plan.dhcp4)} }`] : []),
    '  chain iso_input {',
    '    type filter hook input priority -200; policy accept;',
    '    meta nfproto != @isolated accept',
    '    iif lo accept',
    '    icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept',
    '    ip saddr . tcp sport @ctl4 ct state established ct direction reply accept',
    '    ip6 saddr . tcp sport @ctl6 ct state established ct direction reply accept',
    '    ip saddr @allow4 accept',
    '    ip6 saddr @allow6 accept',
    ...(hasDhcp ? ['    ip saddr @dhcp4 udp sport 67 udp dport 68 accept'] : []),
    '    counter drop',
    '  }',
    '  chain iso_output {',
    '    type filter hook output priority -200; policy accept;',
    '    meta nfproto != @isolated accept',
    '    oif lo accept',
    '    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept',
    '    meta skuid 0 ip daddr . tcp dport @ctl4 accept',
    '    meta skuid 0 ip6 daddr . tcp dport @ctl6 accept',
    '    ip daddr @allow4 accept',
    '    ip6 daddr @allow6 accept',
    ...(hasDhcp ? ['    meta skuid 0 ip daddr @dhcp4 udp sport 68 udp dport 67 accept'] : []),
    '    counter drop',
    '  }',
    '  chain iso_forward {',
    '    type filter hook forward priority -200; policy accept;',
    '    meta nfproto != @isolated accept',
    '    counter drop',
    '  }',
    '}',
  ]
}

function netdevTable(plan: IsolationPlan, leaseSeconds: number): string[] {
  const hasDhcp = plan.dhcp4.length > 0
  // 255.255.255.255: a client that rebinds broadcasts through a raw socket, which only this chain sees.
  const dhcp = ['255.255.255.255', ...plan.dhcp4]
  return [
    `table netdev ${TABLE} {`,
    `  set isolated { type ifname; flags timeout; elements = { ${timed(plan.egress.map(quoteName), leaseSeconds)} } }`,
    ...controlSets(plan.control),
    `  set allow4 { type ipv4_addr; flags interval; ${elements(plan.allow4)} }`,
    `  set allow6 { type ipv6_addr; flags interval; ${elements(plan.allow6)} }`,
    ...(hasDhcp ? [`  set dhcp4 { type ipv4_addr; ${elements(dhcp)} }`] : []),
    ...plan.egress.flatMap((name, index) => [
      // Numbered, because an interface name may hold signs a chain name cannot.
      `  chain iso_egress_${index} {`,
      `    type filter hook egress device ${quoteName(name)} priority 0; policy accept;`,
      '    oifname != @isolated accept',
      '    ether type arp accept',
      '    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept',
      '    ip daddr . tcp dport @ctl4 accept',
      '    ip6 daddr . tcp dport @ctl6 accept',
      '    ip daddr @allow4 accept',
      '    ip6 daddr @allow6 accept',
      ...(hasDhcp ? ['    ip daddr @dhcp4 udp sport 68 udp dport 67 accept'] : []),
      '    counter drop',
      '  }',
    ]),
    '}',
  ]
}

function controlSets(control: readonly Endpoint[]): string[] {
  const of = (family: 4 | 6) =>
    control
      .filter(({ address }) => addressFamily(address) === family)
      .map(({ address, port }) => `${address} . ${port}`)
      .sort()
  return [
    `  set ctl4 { type ipv4_addr . inet_service; ${elements(of(4))} }`,
    `  set ctl6 { type ipv6_addr . inet_service; ${elements(of(6))} }`,
  ]
}

function elements(members: readonly string[]): string {
  return members.length === 0 ? '' : `elements = { ${members.join(', ')} }`
}

function timed(members: readonly string[], leaseSeconds: number): string {
  return members.map((member) => `${member} timeout ${leaseSeconds}s`).join(', ')
}

function quoteName(name: string): string {
  return `"${name}"`
}
