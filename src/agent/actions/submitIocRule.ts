import type { SubmitIocRuleBody } from '../../protocol/bodies/submitIocRule.ts'
import type { JsonObject } from '../../protocol/decode.ts'
import { formatInstant, parseInstantMs } from '../../protocol/instants.ts'
import type { ProofCheck } from '../../protocol/result.ts'
import { EnforcementError, enforceRules, findElement, listElements, resolveName } from '../rules/enforce.ts'
import { readBlocked } from '../rules/hosts-file.ts'
import { SWEEP_MS } from '../rules/keeper.ts'
import { findProtected } from '../rules/protected.ts'
import { type IocRule, isAddressRule, listCurrent, readRules, writeRules } from '../rules/rule-file.ts'
import { nameElement, nameSet } from '../rules/table.ts'
import { readIsolation } from '../state.ts'
import { type ActionDeps, type ActionOrder, type ActionOutcome, describeFailure } from './action.ts'
import { addressFamily } from './addresses.ts'
import { writeProof } from './isolateDevice.ts'
import { probeDatagram } from './probes.ts'
import { checkControls, probeControlBaseline } from './self-test.ts'

const PROBE_TIMEOUT_MS = 1_000

/**
 * Puts a rule about an indicator in force on this host, or withdraws it. A rule is remembered before it takes effect, carries its own end,
 * and is taken back when the server cannot be reached through it.
 * @source design actions.md 7.8, 8.8, 10.6
 */
export async function submitIocRule(
  deps: ActionDeps,
  order: ActionOrder,
  body: SubmitIocRuleBody,
): Promise<ActionOutcome> {
  const rules = readRules(deps.state)
  const known = rules.find(({ id }) => id === body.ruleId)
  const before = order.resumedFrom ?? describeRule(known)
  const rule: IocRule | undefined = body.withdraw
    ? undefined
    : { id: body.ruleId, indicator: body.indicator, mode: body.mode, until: formatInstant(body.untilMs) }
  const refusal = rule === undefined ? undefined : await findRefusal(deps, body)
  if (refusal !== undefined) return describeFailure('refused', refusal.code, refusal.detail, { before, after: before })
  if (order.dryRun) {
    const detail = rule === undefined ? 'would withdraw the rule' : `would ${rule.mode} ${rule.indicator.value}`
    const target = { state: 'succeeded' as const, changed: false }
    return { state: 'succeeded', target, code: 'DryRun', detail, before, after: before, proof: null }
  }
  if (order.resumedFrom === null) order.begin(before)
  const isolation = readIsolation(deps.state)
  const state = { isolated: isolation !== undefined, until: isolation?.until ?? null }
  const control = body.withdraw ? [] : await probeControlBaseline(deps, await deps.resolveControl(), state)
  const others = listCurrent(rules, deps.clock.nowMs()).filter(({ id }) => id !== body.ruleId)
  const next = rule === undefined ? others : [...others, rule]
  writeRules(deps.state, next)
  deps.failpoint('after-rule-recorded')
  try {
    await enforceRules(deps.run, next, deps.clock.nowMs())
    deps.failpoint('after-rule-applied')
    const channel = await checkControls(deps, control, state, PROBE_TIMEOUT_MS)
    if (channel.some(({ want, got }) => want === 'pass' && got !== 'pass')) {
      const detail = 'the server could not be reached any more; the rule was taken back'
      return await takeBack(deps, rules, 'ChannelLost', detail, before)
    }
    const checks = [...channel, ...(await checkRule(deps, body, rule))]
    const after: JsonObject = { ...describeRule(rule), coverage: describeCoverage(body) }
    const failed = checks.find(({ name, want, got }) => !name.startsWith('control') && want !== got && want !== 'any')
    if (failed !== undefined) {
      const detail = `${failed.name}: ${failed.got} instead of ${failed.want}; the rule was taken back`
      return await takeBack(deps, rules, 'NotEffective', detail, before)
    }
    const changed = JSON.stringify(before) !== JSON.stringify(describeRule(rule))
    const proof = { ...writeProof(deps, after, checks), method: 'rule-read-back+probe' }
    const target = { state: changed ? ('succeeded' as const) : ('already' as const), changed }
    return { state: 'succeeded', target, code: null, detail: null, before, after, proof }
  } catch (error) {
    if (!(error instanceof EnforcementError)) throw error
    return takeBack(deps, rules, 'EnforcementFailed', error.message, before)
  }
}

async function takeBack(
  deps: ActionDeps,
  rules: readonly IocRule[],
  code: string,
  detail: string,
  before: JsonObject,
): Promise<ActionOutcome> {
  writeRules(deps.state, rules)
  await enforceRules(deps.run, rules, deps.clock.nowMs())
  return describeFailure('failed', code, detail, { before, after: before })
}

async function findRefusal(
  deps: ActionDeps,
  body: SubmitIocRuleBody,
): Promise<{ readonly code: string; readonly detail: string } | undefined> {
  if (body.untilMs <= deps.clock.nowMs()) return { code: 'Expired', detail: 'the rule is over already' }
  if (body.indicator.kind === 'domain' && body.mode === 'audit') {
    return {
      code: 'Unsupported',
      detail: 'this host cannot see which names its programs ask for; audit needs an address or a hash',
    }
  }
  const detail = findProtected(body.indicator, await deps.resolveControl(), deps.serverName, body.allowInfrastructure)
  return detail === undefined ? undefined : { code: 'Protected', detail }
}

/** Reads back what enforces the rule. @param rule undefined for a withdrawn one */
async function checkRule(
  deps: ActionDeps,
  { indicator, ruleId }: SubmitIocRuleBody,
  rule: IocRule | undefined,
): Promise<readonly ProofCheck[]> {
  const current = listCurrent(readRules(deps.state), deps.clock.nowMs())
  const stillWanted = current.some((other) => other.indicator.value === indicator.value && other.mode === 'block')
  switch (indicator.kind) {
    case 'ipv4':
    case 'ipv6':
      return checkAddress(deps, indicator.value, current, rule)
    case 'domain': {
      const listed = readBlocked().includes(indicator.value) ? 'listed' : 'absent'
      const want = rule === undefined && !stillWanted ? 'absent' : 'listed'
      const answer = await resolveName(indicator.value)
      return [
        { name: 'hostsFile', want, got: listed },
        { name: 'resolver', want: want === 'listed' ? 'blocked' : 'any', got: answer },
      ]
    }
    default: {
      if (rule === undefined)
        return [{ name: 'rule', want: 'absent', got: current.some(({ id }) => id === ruleId) ? 'kept' : 'absent' }]
      const found = await deps.sweepProcesses()
      const mine = found.filter(({ ruleId }) => ruleId === rule.id)
      const kept = mine.filter(({ outcome }) => outcome === 'kept')
      return [
        { name: 'watch', want: 'on', got: 'on', ms: SWEEP_MS },
        { name: 'packaged', want: rule.mode === 'block' ? '0' : 'any', got: String(kept.length) },
        {
          name: 'found',
          want: 'any',
          got: mine
            .map(({ pid, outcome }) => `${pid} ${outcome}`)
            .join(', ')
            .slice(0, 200),
        },
      ]
    }
  }
}

async function checkAddress(
  deps: ActionDeps,
  value: string,
  current: readonly IocRule[],
  rule: IocRule | undefined,
): Promise<readonly ProofCheck[]> {
  const elements = await listElements(deps.run)
  if (rule === undefined) {
    const others = current.filter((other) => isAddressRule(other) && other.indicator.value === value)
    const left = elements.some(
      ({ element }) => others.length === 0 && `${element}/`.startsWith(`${value.replace(/\/(32|128)$/, '')}/`),
    )
    return [{ name: 'element', want: 'absent', got: left ? 'listed' : 'absent' }]
  }
  const found = findElement(elements, rule)
  const covering = found ?? elements.find(({ set }) => set.startsWith(`${rule.mode}_net`))
  const seconds = Math.ceil((parseInstantMs(rule.until) - deps.clock.nowMs()) / 1000)
  const checks: ProofCheck[] = [
    { name: 'element', want: 'listed', got: covering === undefined ? 'absent' : 'listed' },
    {
      name: 'where',
      want: 'any',
      got: `${nameSet(rule)} ${nameElement(rule)}, ${found?.remainingSeconds ?? seconds} s left`,
    },
  ]
  if (rule.mode === 'audit') return checks
  const address = value.split('/')[0] ?? ''
  const { got, ms } = await probeDatagram(address, addressFamily(address) ?? 4)
  return [...checks, { name: 'probe', want: 'refused', got: got === 'sent' ? 'sent' : 'refused', ms }]
}

function describeRule(rule: IocRule | undefined): JsonObject {
  if (rule === undefined) return { inForce: false }
  const { kind, value, url } = rule.indicator
  return { inForce: true, kind, value, ...(url === null ? {} : { url }), mode: rule.mode, until: rule.until }
}

/** What the rule reaches, in words: what it does not reach must be known as well. */
function describeCoverage({ indicator, mode }: SubmitIocRuleBody): string {
  const whole = indicator.url === null ? '' : 'the whole host of the URL: '
  switch (indicator.kind) {
    case 'ipv4':
    case 'ipv6':
      return `${whole}traffic of this host and what it forwards`
    case 'domain':
      return `${whole}this name only, for programs that ask the system resolver`
    default:
      return `running processes, ${mode === 'block' ? 'ended' : 'reported'} within ${SWEEP_MS / 1000} s of their start`
  }
}
