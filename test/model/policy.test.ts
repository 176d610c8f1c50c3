import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actionTypes, isDestructive, isRelease } from '../../src/model/actions.ts'
import { fitsPattern } from '../../src/model/safety/assets.ts'
import { dateExclusions, isWithin, judgeConsent } from '../../src/model/safety/consent.ts'
import { defaultPolicy, type Hours, type SafetyPolicy } from '../../src/model/safety/policy.ts'
import { readPolicy } from '../../src/model/safety/read-policy.ts'
import { judgeAction, manyTargetsTag, type Usage } from '../../src/model/safety/verdict.ts'
import { fc } from '../support/fast-check.ts'
import { startStopwatch } from '../support/stopwatch.ts'

const host = { kind: 'device', key: 'd-1', displayName: 'DC-01', identifier: 'dc-01.corp.example' } as const
const user = {
  kind: 'user',
  key: 'u-1',
  displayName: 'CORP\\Administrator',
  identifier: 'CORP\\Administrator',
} as const
const nothing = { heldByOtherIncidents: 0 }

function policyOf(sections: Partial<SafetyPolicy>): SafetyPolicy {
  return { ...defaultPolicy, ...sections }
}

function protect(rule: Partial<SafetyPolicy['protectedAssets'][number]>): SafetyPolicy {
  const whole = { name: 'controllers', ids: [], names: [], tags: [], actionTypes: null, reason: 'They run the domain.' }
  return policyOf({ protectedAssets: [{ ...whole, ...rule }] })
}

const isolate = { actionType: 'isolateDevice', target: host, ...nothing } as const

test('patterns fit whole names, whatever their case', () => {
  const cases: [string, string, boolean][] = [
    ['dc-*', 'DC-01', true],
    ['dc-?', 'dc-01', false],
    ['dc-??', 'dc-01', true],
    ['*', '', true],
    ['', 'x', false],
    ['*.corp.example', 'web.corp.example', true],
    ['*.corp.example', 'corp.example', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-b-b-d', false],
    ['dc.01', 'dc-01', false],
  ]
  for (const [pattern, name, fits] of cases) assert.equal(fitsPattern(pattern, name), fits, `${pattern} on ${name}`)
})

test('a pattern fits as the regular expression it stands for does, and none makes it slow', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 12 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 })
  fc.assert(
    fc.property(word, text, (pattern, name) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`)
      assert.equal(fitsPattern(pattern, name), expression.test(name))
    }),
    { numRuns: 5_000 },
  )
  const watch = startStopwatch()
  fitsPattern(`${'*a'.repeat(128)}b`, 'a'.repeat(5_000))
  assert.ok(watch.ms() < 1_000)
})

test('a protected asset is refused by id, by name and by tag, naming the rule and the way out', () => {
  for (const match of [{ ids: ['D-1'] }, { names: ['dc-*'] }, { names: ['*.corp.example'] }]) {
    const verdict = judgeAction(protect(match), isolate, [])
    assert.equal(verdict.decision, 'refused')
    assert.match(verdict.reasons[0]?.policy ?? '', /protectedAssets: controllers/)
    assert.match(verdict.reasons[0]?.reason ?? '', /DC-01.*They run the domain/)
    assert.match(verdict.reasons[0]?.fix ?? '', /\/api\/v1\/policies/)
  }
  const tagged = {
    ...protect({ tags: ['domain-controller'] }),
    tags: [{ tag: 'domain-controller', ids: ['d-1'], names: [] }],
  }
  assert.equal(judgeAction(tagged, isolate, []).decision, 'refused')
  assert.equal(judgeAction(protect({ names: ['web-*'] }), isolate, []).decision, 'allowed')
})

test('protection is about what takes something away, and never keeps anything contained', () => {
  const policy = protect({ names: ['*'] })
  for (const actionType of actionTypes) {
    const { decision } = judgeAction(policy, { actionType, target: host, ...nothing }, [])
    assert.equal(decision === 'refused', isDestructive(actionType), actionType)
  }
  const named = protect({ names: ['*'], actionTypes: ['runAntiVirusScan', 'unIsolateDevice'] })
  assert.equal(judgeAction(named, { ...isolate, actionType: 'runAntiVirusScan' }, []).decision, 'refused')
  assert.equal(judgeAction(named, { ...isolate, actionType: 'unIsolateDevice' }, []).decision, 'allowed')
})

test('accounts without which nobody can repair anything are always protected', () => {
  const names = ['root', 'krbtgt', 'CORP\\Administrator', 'administrator@corp.example']
  for (const identifier of names) {
    const target = { ...user, displayName: identifier, identifier }
    assert.equal(judgeAction(defaultPolicy, { actionType: 'disableUser', target, ...nothing }, []).decision, 'refused')
  }
  const target = { ...user, displayName: 'rootbeer', identifier: 'rootbeer' }
  assert.equal(judgeAction(defaultPolicy, { actionType: 'disableUser', target, ...nothing }, []).decision, 'allowed')
})

test('tier 3 needs a second person: hard deletion, critical assets, and releases against other incidents', () => {
  const mail = { kind: 'message', key: 'm', displayName: 'm', identifier: 'm' } as const
  assert.equal(judgeAction(defaultPolicy, { actionType: 'hardDeleteEmail', target: mail, ...nothing }, []).approvals, 1)
  const critical = policyOf({ assetGroups: [{ name: 'dc', ids: ['d-1'], names: [], tags: [], critical: true }] })
  assert.deepEqual([judgeAction(critical, isolate, []).tier, judgeAction(critical, isolate, []).approvals], [3, 1])
  assert.equal(judgeAction(critical, { ...isolate, actionType: 'runAntiVirusScan' }, []).decision, 'allowed')
  const release = { actionType: 'unIsolateDevice', target: host } as const
  assert.equal(judgeAction(defaultPolicy, { ...release, heldByOtherIncidents: 1 }, []).decision, 'needsApproval')
  assert.equal(judgeAction(defaultPolicy, { ...release, heldByOtherIncidents: 0 }, []).decision, 'allowed')
  const many = { kind: 'file' as const, key: 'a@1,2', displayName: 'a', identifier: 'a', tags: [manyTargetsTag] }
  const quarantine = { actionType: 'stopAndQuarantineFile' as const, target: many, ...nothing }
  assert.equal(judgeAction(defaultPolicy, quarantine, []).decision, 'needsApproval')
  assert.equal(judgeAction(defaultPolicy, { ...quarantine, takesBack: true }, []).decision, 'allowed')
  const owned = { ...quarantine, target: { ...many, tags: [] }, packageFiles: true }
  const nobody = policyOf({ fourEyes: { approvalHours: 24, rules: [] } })
  assert.equal(judgeAction(nobody, owned, []).approvals, 1)
  assert.equal(judgeAction(nobody, { ...owned, takesBack: true }, []).decision, 'allowed')
})

test('of several rules that ask for people the strictest counts', () => {
  const rule = { actionTypes: null, minTier: null } as const
  const policy = policyOf({
    assetGroups: [{ name: 'servers', ids: [], names: ['dc-*'], tags: [], critical: false }],
    fourEyes: {
      approvalHours: 1,
      rules: [
        { ...rule, name: 'all', assetGroup: null, approvals: 1 },
        { ...rule, name: 'servers', assetGroup: 'servers', approvals: 2 },
        { ...rule, name: 'scans', actionTypes: ['runAntiVirusScan'], assetGroup: null, approvals: 3 },
      ],
    },
  })
  const verdict = judgeAction(policy, isolate, [])
  assert.equal(verdict.approvals, 2)
  assert.deepEqual(
    verdict.reasons.map((reason) => reason.policy),
    ['fourEyes: all', 'fourEyes: servers'],
  )
})

test('a spent budget asks for a second person and says what was spent', () => {
  const usage = (changes: Partial<Usage>): Usage[] => [
    { budget: 'containment', actions: 0, affected: 0, known: 1_000, ...changes },
  ]
  assert.equal(judgeAction(defaultPolicy, isolate, usage({ actions: 9 })).decision, 'allowed')
  const spent = judgeAction(defaultPolicy, isolate, usage({ actions: 10 }))
  assert.equal(spent.decision, 'needsApproval')
  assert.match(spent.reasons[0]?.reason ?? '', /10 such actions in the last 10 min/)
  // 5 % of 1,000.
  assert.equal(judgeAction(defaultPolicy, isolate, usage({ affected: 49 })).decision, 'allowed')
  assert.equal(judgeAction(defaultPolicy, isolate, usage({ affected: 50 })).decision, 'needsApproval')
  // A small site is not stopped by its share.
  assert.equal(judgeAction(defaultPolicy, isolate, usage({ affected: 9, known: 10 })).decision, 'allowed')
  assert.equal(
    judgeAction(defaultPolicy, { ...isolate, actionType: 'runAntiVirusScan' }, usage({ actions: 99 })).decision,
    'allowed',
  )
})

test('more usage never makes a verdict milder', () => {
  const count = fc.nat(200)
  fc.assert(
    fc.property(count, count, count, count, (actions, affected, moreActions, moreAffected) => {
      const weigh = (a: number, b: number): number =>
        judgeAction(defaultPolicy, isolate, [{ budget: 'containment', actions: a, affected: b, known: 500 }]).approvals
      assert.ok(weigh(actions + moreActions, affected + moreAffected) >= weigh(actions, affected))
    }),
  )
})

const night: Hours = { days: ['mon', 'fri'], from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' }

test('hours count in their own time zone, over midnight, and on the day on which they began', () => {
  // 2026-03-02 is a Monday; Berlin is one hour ahead, from 29 March on two.
  const at = (text: string): boolean => isWithin(night, Date.parse(text))
  assert.equal(at('2026-03-02T20:59:00Z'), false)
  assert.equal(at('2026-03-02T21:00:00Z'), true)
  assert.equal(at('2026-03-03T04:59:00Z'), true)
  assert.equal(at('2026-03-03T05:00:00Z'), false)
  assert.equal(at('2026-03-03T21:30:00Z'), false)
  assert.equal(at('2026-03-06T23:30:00Z'), true)
  assert.equal(at('2026-03-07T22:30:00Z'), false)
  assert.equal(at('2026-03-30T20:00:00Z'), true)
  const whole: Hours = { days: ['mon'], from: '00:00', to: '24:00', timeZone: 'UTC' }
  assert.equal(isWithin(whole, Date.parse('2026-03-02T23:59:59Z')), true)
  assert.equal(isWithin(whole, Date.parse('2026-03-03T00:00:00Z')), false)
})

test('consent is given by action, group, expert and hours, and its absence says which of them is missing', () => {
  const rule = {
    name: 'nights',
    actionTypes: ['isolateDevice'],
    assetGroup: 'servers',
    experts: ['ada'],
    hours: night,
  } as const
  const policy = policyOf({
    assetGroups: [{ name: 'servers', ids: [], names: ['dc-*'], tags: [], critical: false }],
    managedResponse: { paused: false, excluded: [], consent: [rule] },
  })
  const monday = Date.parse('2026-03-02T22:00:00Z')
  const ask = { actionType: 'isolateDevice', target: host, expertId: 'ada', atMs: monday } as const
  assert.deepEqual(judgeConsent(policy, ask), { given: true, reason: 'managedResponse.consent: nights' })
  assert.match(judgeConsent(policy, { ...ask, actionType: 'disableUser' }).reason, /No consent covers disableUser/)
  assert.match(
    judgeConsent(policy, { ...ask, target: { ...host, displayName: 'web', identifier: 'web' } }).reason,
    /No consent/,
  )
  assert.match(judgeConsent(policy, { ...ask, expertId: 'bo' }).reason, /other experts \(nights\)/)
  assert.match(judgeConsent(policy, { ...ask, atMs: monday + 12 * 3_600_000 }).reason, /other hours \(nights\)/)
  const paused = { ...policy, managedResponse: { ...policy.managedResponse, paused: true } }
  assert.match(judgeConsent(paused, ask).reason, /paused/)
})

test('what is excluded waits for the customer whatever the consents say, and an exclusion keeps its date while it names the same things', () => {
  const consent = { name: 'all', actionTypes: null, assetGroup: null, experts: null, hours: null }
  const rule = { name: 'controllers', ids: [], names: ['dc-*'], tags: [], since: null }
  const fresh = policyOf({ managedResponse: { paused: false, excluded: [rule], consent: [consent] } })
  const first = dateExclusions(null, fresh, '2026-03-02T10:00:00.0000000Z')
  const more = { ...rule, names: ['dc-*', 'ca-*'] }
  const other = policyOf({
    managedResponse: { paused: false, excluded: [rule, { ...more, name: 'more' }], consent: [] },
  })
  const ask = { actionType: 'isolateDevice', target: host, expertId: 'ada', atMs: 0 } as const

  const second = dateExclusions(first, other, '2026-04-01T10:00:00.0000000Z')

  assert.deepEqual(judgeConsent(first, ask), {
    given: false,
    by: 'excluded',
    reason: "'DC-01' is excluded from managed response since 2026-03-02 (managedResponse.excluded: controllers).",
    since: '2026-03-02T10:00:00.0000000Z',
  })
  assert.equal(judgeConsent(first, { ...ask, target: { ...host, displayName: 'web', identifier: 'web' } }).given, true)
  assert.deepEqual(
    second.managedResponse.excluded.map(({ since }) => since?.slice(0, 10)),
    ['2026-03-02', '2026-04-01'],
  )
})

test('without a word of the customer tier 3 is never managed', () => {
  for (const actionType of actionTypes) {
    if (actionType === 'text') continue
    const { given } = judgeConsent(defaultPolicy, { actionType, target: host, expertId: 'ada', atMs: 0 })
    assert.equal(given, actionType !== 'hardDeleteEmail', actionType)
  }
  assert.ok(actionTypes.some(isRelease))
})

test('the default policy reads as itself, with and without what a reader is shown beside it', () => {
  const shown = { ...structuredClone(defaultPolicy), version: 3, lastModifiedDateTime: null, lastModifiedBy: 'Eve' }
  const read = readPolicy(shown)
  assert.ok(read.ok)
  assert.deepEqual(read.value, defaultPolicy)
  assert.equal(JSON.stringify(read.value), JSON.stringify(defaultPolicy))
})

test('every field that is wrong is named, all of them at once', () => {
  const broken = {
    ...structuredClone(defaultPolicy),
    dispatch: { paused: 'no' },
    protectedAssets: [
      { name: 'a', reason: 'x', actionTypes: [] },
      { name: 'a', names: ['dc-*'], reason: '', actionTypes: ['formatDisk'] },
    ],
    fourEyes: {
      approvalHours: 0,
      rules: [{ name: 'r', actionTypes: null, assetGroup: 'x', minTier: 4, approvals: 9 }],
    },
    surprise: 1,
  }
  const read = readPolicy(broken)
  assert.ok(!read.ok)
  assert.deepEqual(read.faults.map(({ path }) => path).sort(), [
    'dispatch.paused',
    'dispatch.reason',
    'fourEyes.approvalHours',
    'fourEyes.rules[0].approvals',
    'fourEyes.rules[0].minTier',
    'protectedAssets[0].actionTypes',
    'protectedAssets[1]',
    'protectedAssets[1].actionTypes[0]',
    'protectedAssets[1].reason',
    'surprise',
  ])
})

test('a rule that can never fit, a group nobody defined and a time zone nobody knows are refused', () => {
  const rule = { name: 'r', actionTypes: null, assetGroup: null }
  const consent = { ...rule, experts: null }
  const cases: [Partial<SafetyPolicy>, string, RegExp][] = [
    [protect({}), 'protectedAssets[0]', /names nothing/],
    [{ tags: [{ tag: 't', ids: [], names: [] }] }, 'tags[0]', /names nothing/],
    [
      { fourEyes: { approvalHours: 1, rules: [{ ...rule, assetGroup: 'x', minTier: null, approvals: 1 }] } },
      'fourEyes.rules[0].assetGroup',
      /names no group/,
    ],
    [
      {
        managedResponse: {
          paused: false,
          excluded: [{ name: 'none', ids: [], names: [], tags: [], since: null }],
          consent: [],
        },
      },
      'managedResponse.excluded[0]',
      /names nothing/,
    ],
    [
      {
        managedResponse: {
          paused: false,
          excluded: [],
          consent: [{ ...consent, hours: { ...night, timeZone: 'Mars/Olympus' } }],
        },
      },
      'managedResponse.consent[0].hours.timeZone',
      /IANA/,
    ],
    [
      {
        managedResponse: { paused: false, excluded: [], consent: [{ ...consent, hours: { ...night, from: '25:00' } }] },
      },
      'managedResponse.consent[0].hours.from',
      /time/,
    ],
  ]
  for (const [sections, path, problem] of cases) {
    const read = readPolicy(structuredClone(policyOf(sections)))
    assert.ok(!read.ok, path)
    assert.equal(read.faults[0]?.path, path)
    assert.match(read.faults[0]?.problem ?? '', problem)
  }
})

test('whatever JSON somebody sends, it is either a policy or told what is wrong', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const read = readPolicy(value)
      assert.ok(read.ok || read.faults.length > 0)
      if (!read.ok) for (const fault of read.faults) assert.notEqual(fault.problem, '')
    }),
    { numRuns: 2_000 },
  )
})
