import { pickSome } from '../../bench/random.ts'
import type { Endpoint } from './endpoint.ts'
import { type Lab, SERVICE_PORT } from './netns.ts'

/** A state of a host's network in which it is isolated. */
export interface Situation {
  /** For the message of a failed test. */
  readonly text: string
  readonly enter: () => Promise<void>
  readonly leave: () => Promise<void>
}

/** Name under which the agent finds its server. */
export const SERVER_NAME = 'cordon.test'

const priorities = [-400, -200, -199, -150, 0, 1, 100, 300]
const hooks = ['input', 'output', 'forward', 'prerouting', 'postrouting']

/**
 * Draws firewall rules of somebody else, routes and name resolution. The connection the agent already has always lives, so that it hears of
 * the command; everything else may be cut, a new connection to its own server as well.
 * @param random from 0 up to 1
 */
export function drawSituation({ lab, control }: Endpoint, random: () => number): Situation {
  const seed = Math.floor(random() * 2 ** 31)
  const rules = drawRules(control.port, random)
  const routes = pickSome(listRoutes(lab), Math.floor(random() * 4), seed)
  const [names, found] = drawNames(lab, random)
  return {
    text: [...rules, ...routes, `names: ${names}`].join('; '),
    enter: async () => {
      lab.writeHosts(SERVER_NAME, found)
      if (rules.length > 0) await must(lab, 'nft', rules.join('; '))
      for (const route of routes) await must(lab, 'ip', ...route.split(' '))
    },
    leave: async () => {
      for (const route of routes) await lab.exec(lab.endpoint, 'ip', ...route.replace(' add ', ' del ').split(' '))
      await must(lab, 'nft', 'flush ruleset')
      lab.writeHosts(SERVER_NAME, [lab.control4, lab.control6])
    },
  }
}

// Not `ct state new`: the kernel, which tracks connections only while a rule asks for it, takes an old one for new then.
const opening = 'tcp flags & (syn | ack) == syn'

function drawRules(port: number, random: () => number): string[] {
  const pick = <T>(items: readonly T[]): T => {
    const [item] = items.slice(Math.floor(random() * items.length))
    if (item === undefined) throw new Error('nothing to draw from')
    return item
  }
  const commands: string[] = []
  for (let table = Math.floor(random() * 4); table > 0; table -= 1) {
    const family = pick(['inet', 'ip', 'ip6'])
    const name = `${family} foreign${table}`
    const hook = pick(['output', ...hooks])
    commands.push(`add table ${name}`)
    commands.push(
      `add chain ${name} c { type filter hook ${hook} priority ${pick([0, ...priorities])}; policy accept; }`,
    )
    commands.push(`add set ${name} ports { type inet_service; elements = { 22, 53, ${port} }; }`)
    for (let rule = Math.floor(random() * 4); rule > 0; rule -= 1) {
      const match = pick([
        ...[`tcp dport ${port} ${opening}`, `tcp dport @ports ${opening}`, 'udp dport 53', 'meta l4proto icmp'],
        ...[`tcp dport ${SERVICE_PORT}`, 'meta mark 0x1', 'ct state established,related'],
      ])
      // What is established is only ever let through: the agent must hear of its command.
      const verdict = match.includes('established') ? 'accept' : pick(['accept', 'drop', 'drop', 'continue'])
      commands.push(`add rule ${name} c ${match} ${verdict}`)
    }
  }
  return commands
}

function listRoutes(lab: Lab): string[] {
  return [
    'route add blackhole 192.0.2.0/24',
    'route add unreachable 203.0.113.64/26',
    `route add ${lab.control4}/32 dev ep0`,
    'route add default via 198.51.100.1 metric 50',
    'route add prohibit 198.18.0.0/15',
    'rule add from all lookup 100 priority 100',
    '-6 route add unreachable fd77::/64',
    '-6 route add default via fd51::1 metric 50',
    `-6 route add ${lab.control6}/128 dev ep0`,
  ]
}

function drawNames(lab: Lab, random: () => number): [string, string[]] {
  const both = [lab.control4, lab.control6]
  const draw = random()
  if (draw < 0.5) return ['both addresses', both]
  if (draw < 0.65) return ['IPv4 only', [lab.control4]]
  if (draw < 0.75) return ['IPv6 only', [lab.control6]]
  if (draw < 0.9) return ['gone', []]
  return ['leads to somebody else', [lab.internet4]]
}

async function must(lab: Lab, program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await lab.exec(lab.endpoint, program, ...args)
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
}
