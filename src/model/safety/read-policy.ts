import { type ActionType, actionTypes as allActionTypes } from '../actions.ts'
import {
  boolean,
  type FieldFault,
  integer,
  list,
  nullable,
  number,
  object,
  oneOf,
  type Read,
  type Reader,
  readDocument,
  text,
} from './fields.ts'
import {
  type AssetGroup,
  type Budget,
  type ConsentRule,
  days,
  defaultPolicy,
  type Exclusion,
  type Expiry,
  type FourEyesRule,
  type Hours,
  type IndicatorRules,
  maxLeaseSeconds,
  type ProtectedAsset,
  type SafetyPolicy,
  type TagRule,
} from './policy.ts'

const maxRules = 500
const maxEntries = 5_000

const name = text(100)
const entries = { read: list(text(256), maxEntries), absent: [] }
const executable = allActionTypes.filter((type) => type !== 'text')
const actionType: Reader<ActionType> = oneOf(executable as [ActionType, ...ActionType[]])
const actionTypes = nullable(list(actionType, executable.length, { min: 1, key: (type) => type }))
// One that would allow a whole host is none.
const program = text(
  512,
  /^(\/[^/\n\0][^\n\0]*|sha256:[0-9a-f]{64})$/,
  'an absolute path or sha256:<64 hexadecimal digits>',
)
/** They go to every host with its signed policy. */
const maxPrograms = 200
const wallClock = text(5, /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'a time such as 08:30')
const since = text(40)
const match = { ids: entries, names: entries, tags: entries }

const timeZone: Reader<string> = (value, path, faults) => {
  const zone = text(64)(value, path, faults)
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone })
  } catch {
    faults.push({ path, problem: 'must be an IANA time zone such as Europe/Berlin' })
  }
  return zone
}

const hours = object<Hours>({
  days: list(oneOf(days), 7, { min: 1, key: (day) => day }),
  from: wallClock,
  to: wallClock,
  timeZone,
})

const expiry = object<Expiry>({
  leaseSeconds: integer(60, maxLeaseSeconds),
  releaseAfterHours: nullable(number(0.01, 24 * 366)),
})

const policy = object<SafetyPolicy>(
  {
    dispatch: object<SafetyPolicy['dispatch']>({ paused: boolean, reason: nullable(text(500)) }),
    tags: list(object<TagRule>({ tag: name, ids: entries, names: entries }), maxRules),
    protectedAssets: named(object<ProtectedAsset>({ name, ...match, actionTypes, reason: text(500) })),
    assetGroups: named(object<AssetGroup>({ name, ...match, critical: boolean })),
    budgets: named(
      object<Budget>({
        name,
        actionTypes,
        per: oneOf(['tenant', 'caller']),
        windowMinutes: integer(1, 7 * 24 * 60),
        maxActions: nullable(integer(0, 1_000_000)),
        maxShare: nullable(number(0, 1)),
        minAssets: integer(0, 1_000_000),
      }),
    ),
    fourEyes: object<SafetyPolicy['fourEyes']>({
      approvalHours: number(0.01, 24 * 30),
      rules: named(
        object<FourEyesRule>({
          name,
          actionTypes,
          assetGroup: nullable(name),
          minTier: nullable(oneOf([1, 2, 3])),
          approvals: integer(1, 5),
        }),
      ),
    }),
    expiry: object<SafetyPolicy['expiry']>({ isolation: expiry, restriction: expiry }),
    indicators: {
      read: object<IndicatorRules>({
        mode: oneOf(['block', 'audit']),
        expireAfterHours: number(0.001, 24 * 365),
        allowInfrastructure: boolean,
      }),
      absent: defaultPolicy.indicators,
    },
    localAccounts: {
      read: object<SafetyPolicy['localAccounts']>({ enabled: boolean }),
      absent: defaultPolicy.localAccounts,
    },
    quarantine: {
      read: object<SafetyPolicy['quarantine']>({ packageFiles: boolean }),
      absent: defaultPolicy.quarantine,
    },
    antiVirus: {
      read: object<SafetyPolicy['antiVirus']>({ scan: oneOf(['quick', 'full']) }),
      absent: defaultPolicy.antiVirus,
    },
    programs: {
      read: object<SafetyPolicy['programs']>({ allowed: list(program, maxPrograms, { key: (entry) => entry }) }),
      absent: defaultPolicy.programs,
    },
    agentKeys: {
      read: object<SafetyPolicy['agentKeys']>({ rotateAfterDays: integer(1, 3_660) }),
      absent: defaultPolicy.agentKeys,
    },
    signIn: {
      read: object<SafetyPolicy['signIn']>({ freshMinutes: nullable(integer(1, 720)) }),
      absent: defaultPolicy.signIn,
    },
    confirmation: {
      read: object<SafetyPolicy['confirmation']>({ holdOnPhones: boolean }),
      absent: defaultPolicy.confirmation,
    },
    managedResponse: object<SafetyPolicy['managedResponse']>({
      paused: boolean,
      excluded: {
        read: named(object<Exclusion>({ name, ...match, since: { read: nullable(since), absent: null } })),
        absent: [],
      },
      consent: named(
        object<ConsentRule>({
          name,
          actionTypes,
          assetGroup: nullable(name),
          experts: nullable(list(text(100), maxEntries, { min: 1 })),
          hours: nullable(hours),
        }),
      ),
    }),
  },
  // What a reader of the policy is shown beside it, and may send back.
  ['version', 'lastModifiedDateTime', 'lastModifiedBy'],
)

/** Reads a safety policy from outside: the policy, or everything that is wrong with it. */
export function readPolicy(value: unknown): Read<SafetyPolicy> {
  const read = readDocument(policy, value)
  if (!read.ok) return read
  const faults = [...findEmptyMatches(read.value), ...findUnknownGroups(read.value)]
  return faults.length === 0 ? read : { ok: false, faults }
}

/** Rules of one kind, told apart by their names. */
function named<T extends { readonly name: string }>(rule: Reader<T>): Reader<readonly T[]> {
  return list(rule, maxRules, { key: (item) => item.name })
}

/** A rule that can never fit protects nobody, and whoever wrote it believes it does. */
function findEmptyMatches({ protectedAssets, assetGroups, tags, managedResponse }: SafetyPolicy): FieldFault[] {
  const problem = 'names nothing: give ids, names or tags'
  const matches = {
    protectedAssets,
    assetGroups,
    tags: tags.map((rule) => ({ ...rule, tags: [] })),
    'managedResponse.excluded': managedResponse.excluded,
  }
  return Object.entries(matches).flatMap(([section, rules]) =>
    rules.flatMap((rule, index) =>
      rule.ids.length + rule.names.length + rule.tags.length > 0 ? [] : [{ path: `${section}[${index}]`, problem }],
    ),
  )
}

function findUnknownGroups({ assetGroups, fourEyes, managedResponse }: SafetyPolicy): FieldFault[] {
  const known = new Set(assetGroups.map((group) => group.name))
  const users = { 'fourEyes.rules': fourEyes.rules, 'managedResponse.consent': managedResponse.consent }
  return Object.entries(users).flatMap(([section, rules]) =>
    rules.flatMap(({ assetGroup }, index) =>
      assetGroup === null || known.has(assetGroup)
        ? []
        : [{ path: `${section}[${index}].assetGroup`, problem: `names no group of assetGroups: '${assetGroup}'` }],
    ),
  )
}
