import { coversAddress } from '../../protocol/indicator.ts'
import { parseInstantMs } from '../../protocol/instants.ts'
import { type IocRule, isAddressRule } from './rule-file.ts'

/** Name of our table of rules, in the family inet. */
export const RULES_TABLE = 'cordon_ioc'

/** Name of the set a rule's element lies in: single addresses in hash sets, networks in interval sets. @source design actions.md 8.8 */
export function nameSet({ indicator, mode }: Pick<IocRule, 'indicator' | 'mode'>): string {
  const single = indicator.value.endsWith(indicator.kind === 'ipv4' ? '/32' : '/128')
  return `${mode}${single ? '' : '_net'}${indicator.kind === 'ipv4' ? 4 : 6}`
}

/** A rule's element as nft writes it. */
export function nameElement({ indicator }: Pick<IocRule, 'indicator'>): string {
  return indicator.value.replace(/\/(32|128)$/, (suffix) =>
    suffix === (indicator.kind === 'ipv4' ? '/32' : '/128') ? '' : suffix,
  )
}

/**
 * Writes the table for these rules as one nft transaction that replaces an earlier one; without address rules it only removes it. Every
 * element carries the kernel's own timer, so a rule ends without the agent.
 */
export function writeTable(rules: readonly IocRule[], nowMs: number): string {
  const address = reduce(rules.filter(isAddressRule))
  const lines = [`table inet ${RULES_TABLE}`, `delete table inet ${RULES_TABLE}`]
  if (address.length === 0) return `${lines.join('\n')}\n`
  const sets = (['block', 'audit'] as const).flatMap((mode) =>
    [4, 6].flatMap((family) => [`${mode}${family}`, `${mode}_net${family}`]),
  )
  return `${[
    ...lines,
    `table inet ${RULES_TABLE} {`,
    ...sets.map((name) => writeSet(name, address, nowMs)),
    // Below every usual priority, and before the isolation's so that one does not depend on the other.
    ...writeChain('input', ['saddr'], 'drop'),
    ...writeChain('output', ['daddr'], refusal),
    ...writeChain('forward', ['saddr', 'daddr'], refusal),
    '}',
  ].join('\n')}\n`
}

function writeSet(name: string, rules: readonly IocRule[], nowMs: number): string {
  const type = name.endsWith('4') ? 'ipv4_addr' : 'ipv6_addr'
  const flags = name.includes('_net') ? 'interval, timeout' : 'timeout'
  const elements = rules
    .filter((rule) => nameSet(rule) === name)
    .map(
      (rule) => `${nameElement(rule)} timeout ${Math.max(1, Math.ceil((parseInstantMs(rule.until) - nowMs) / 1000))}s`,
    )
  const held = elements.length === 0 ? '' : ` elements = { ${elements.join(', ')} }`
  return `  set ${name} { type ${type}; flags ${flags}; counter;${held} }`
}

/** Not as a closed port: the self-test of an isolation takes that for an answer of the far side. */
const refusal = 'reject with icmpx type admin-prohibited'

function writeChain(hook: string, ends: readonly string[], verdict: string): string[] {
  const local = hook === 'input' ? ['    iif lo accept'] : hook === 'output' ? ['    oif lo accept'] : []
  const rules = ends.flatMap((end) =>
    (
      [
        ['ip', 4],
        ['ip6', 6],
      ] as const
    ).flatMap(([protocol, family]) => [
      `    ${protocol} ${end} @audit${family} counter`,
      `    ${protocol} ${end} @audit_net${family} counter`,
      `    ${protocol} ${end} @block${family} counter ${verdict}`,
      `    ${protocol} ${end} @block_net${family} counter ${verdict}`,
    ]),
  )
  return [
    `  chain ioc_${hook} {`,
    `    type filter hook ${hook} priority -210; policy accept;`,
    ...local,
    ...rules,
    '  }',
  ]
}

/**
 * One element for what several rules are about, the longest-lived; and nothing inside a network of the same mode, because an interval set
 * takes no overlapping elements. When the wider one ends the table is written anew.
 */
function reduce(rules: readonly IocRule[]): readonly IocRule[] {
  const longest = new Map<string, IocRule>()
  for (const rule of rules) {
    const key = `${nameSet(rule)} ${rule.indicator.value}`
    const known = longest.get(key)
    if (known === undefined || known.until < rule.until) longest.set(key, rule)
  }
  const kept = [...longest.values()]
  const networks = kept.filter((rule) => nameSet(rule).includes('_net'))
  return kept.filter(
    (rule) =>
      !networks.includes(rule) ||
      !networks.some((wider) => wider !== rule && nameSet(wider) === nameSet(rule) && isInside(rule, wider)),
  )
}

function isInside(rule: IocRule, wider: IocRule): boolean {
  const [base = '', prefix] = rule.indicator.value.split('/')
  return Number(prefix) > Number(wider.indicator.value.split('/')[1]) && coversAddress(wider.indicator, base)
}
