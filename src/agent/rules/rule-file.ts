import { type Decoder, decode, id, list, nullable, object, oneOf, parseJson, text } from '../../protocol/decode.ts'
import type { Indicator } from '../../protocol/indicator.ts'
import { instant, parseInstantMs } from '../../protocol/instants.ts'
import { type StateDirectory, stateFiles, writeState } from '../state.ts'

/** A rule about an indicator that is in force on this host. */
export interface IocRule {
  readonly id: string
  readonly indicator: Indicator
  readonly mode: 'block' | 'audit'
  /** When the host ends it by itself. */
  readonly until: string
}

const maxBytes = 64 * 1024 * 1024

const decodeRules: Decoder<readonly IocRule[]> = list(
  object<IocRule>({
    id,
    indicator: object<Indicator>({
      kind: oneOf(['ipv4', 'ipv6', 'domain', 'md5', 'sha1', 'sha256']),
      value: text(253),
      url: nullable(text(2000)),
    }),
    mode: oneOf(['block', 'audit']),
    until: instant,
  }),
  100_000,
)

/** The rules the host remembers, those that are over among them. @throws DecodeError when the file is damaged */
export function readRules(state: StateDirectory): readonly IocRule[] {
  const content = state.read(stateFiles.iocRules)
  return content === undefined ? [] : decode(decodeRules, parseJson(content, maxBytes))
}

/** Remembers rules; they survive a restart of the host. */
export function writeRules(state: StateDirectory, rules: readonly IocRule[]): void {
  if (rules.length === 0) state.remove(stateFiles.iocRules)
  else writeState(state, stateFiles.iocRules, rules)
}

/** Those that are not over. */
export function listCurrent(rules: readonly IocRule[], nowMs: number): readonly IocRule[] {
  return rules.filter(({ until }) => parseInstantMs(until) > nowMs)
}

/** Tells whether a rule is about network traffic. */
export function isAddressRule({ indicator }: Pick<IocRule, 'indicator'>): boolean {
  return indicator.kind === 'ipv4' || indicator.kind === 'ipv6'
}

/** Tells whether a rule is about files. */
export function isHashRule({ indicator }: Pick<IocRule, 'indicator'>): boolean {
  return indicator.kind === 'md5' || indicator.kind === 'sha1' || indicator.kind === 'sha256'
}
