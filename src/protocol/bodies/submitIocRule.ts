import { DecodeError, id, integer, type JsonObject, object, oneOf, optional, text } from '../decode.ts'
import { type Indicator, isUsable, parseIndicator } from '../indicator.ts'

/** What a submitIocRule command asks for: a rule, or the withdrawal of one. */
export interface SubmitIocRuleBody {
  readonly actionType: 'submitIocRule'
  /** The same for every command about this rule. */
  readonly ruleId: string
  readonly indicator: Indicator
  readonly withdraw: boolean
  /** `block` cuts off, `audit` only reports. */
  readonly mode: 'block' | 'audit'
  /** Milliseconds since 1970 at which the host ends the rule by itself. */
  readonly untilMs: number
  /** The gateway and the resolvers of the host may be hit as well. */
  readonly allowInfrastructure: boolean
}

interface WireTarget {
  readonly ipv4_net?: string
  readonly ipv6_net?: string
  readonly domain_name?: string
  readonly uri?: string
  readonly file?: { readonly hashes: { readonly md5?: string; readonly sha1?: string; readonly sha256?: string } }
}

interface WireRule {
  readonly action: 'deny' | 'allow'
  readonly target: WireTarget
  readonly args: {
    readonly stop_time: number
    readonly 'x-cordon': {
      readonly indicator_id: string
      readonly mode: 'block' | 'audit'
      readonly allow_infrastructure?: 'yes'
    }
  }
}

const hashes = object<NonNullable<WireTarget['file']>['hashes']>({
  md5: optional(text(32)),
  sha1: optional(text(40)),
  sha256: optional(text(64)),
})

const decodeWire = object<WireRule>({
  action: oneOf(['deny', 'allow']),
  target: object<WireTarget>({
    ipv4_net: optional(text(18)),
    ipv6_net: optional(text(43)),
    domain_name: optional(text(253)),
    uri: optional(text(2000)),
    file: optional(object<NonNullable<WireTarget['file']>>({ hashes })),
  }),
  args: object<WireRule['args']>({
    stop_time: integer(0, Number.MAX_SAFE_INTEGER),
    'x-cordon': object<WireRule['args']['x-cordon']>({
      indicator_id: id,
      mode: oneOf(['block', 'audit']),
      allow_infrastructure: optional(oneOf(['yes'])),
    }),
  }),
})

/** Writes the body of a submitIocRule command. */
export function writeSubmitIocRule(body: Omit<SubmitIocRuleBody, 'actionType'>): JsonObject {
  return {
    action: body.withdraw ? 'allow' : 'deny',
    target: writeTarget(body.indicator),
    args: {
      stop_time: body.untilMs,
      'x-cordon': {
        indicator_id: body.ruleId,
        mode: body.mode,
        ...(body.allowInfrastructure ? { allow_infrastructure: 'yes' } : {}),
      },
    },
  }
}

/** Reads the body of a submitIocRule command. @throws DecodeError */
export function readSubmitIocRule(body: JsonObject): SubmitIocRuleBody {
  const { action, target, args } = decodeWire(body, 'body')
  const named = [
    target.ipv4_net,
    target.ipv6_net,
    target.domain_name,
    target.uri,
    target.file?.hashes.sha256,
    target.file?.hashes.sha1,
    target.file?.hashes.md5,
  ].filter((value) => value !== undefined)
  const indicator = named.length === 1 ? parseIndicator(named[0] ?? '') : undefined
  if (!isUsable(indicator)) throw new DecodeError('body.target', 'one usable indicator')
  const own = args['x-cordon']
  return {
    actionType: 'submitIocRule',
    ruleId: own.indicator_id,
    indicator,
    withdraw: action === 'allow',
    mode: own.mode,
    untilMs: args.stop_time,
    allowInfrastructure: own.allow_infrastructure === 'yes',
  }
}

function writeTarget({ kind, value, url }: Indicator): JsonObject {
  if (url !== null) return { uri: url }
  switch (kind) {
    case 'ipv4':
      return { ipv4_net: value }
    case 'ipv6':
      return { ipv6_net: value }
    case 'domain':
      return { domain_name: value }
    default:
      return { file: { hashes: { [kind]: value } } }
  }
}
