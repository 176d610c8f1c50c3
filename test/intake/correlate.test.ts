import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeReason } from '../../src/intake/correlation/reason.ts'
import { scoreOf, titleOf } from '../../src/intake/correlation/summary.ts'
import { startStopwatch } from '../support/stopwatch.ts'
import { alertAbout, openMemory } from './memory.ts'

for (const kind of ['device', 'user', 'file', 'mailbox', 'address', 'message']) {
  test(`alerts that share a ${kind} within the window join one incident, and the reason names it`, () => {
    const memory = openMemory()
    const first = alertAbout([`${kind} x`], 0, { title: 'One' })
    const second = alertAbout([`${kind} x`], 3, { title: 'Two' })

    memory.receive([first])
    memory.receive([second])

    assert.equal(memory.incidentOf(second.id), memory.incidentOf(first.id))
    const reason = memory.joins.get(second.id)?.reason
    assert.ok(reason?.rule === 'sharedEntity')
    assert.deepEqual(reason.entity, { kind, value: 'x' })
    assert.equal(reason.distanceSeconds, 3 * 3600)
    assert.equal(
      describeReason(reason),
      `Shares ${kind} x with incident 1 (active): seen there 3 h apart (within the window of 24 h).`,
    )
  })
}

test('a shared link, name or application ties nothing together', () => {
  const memory = openMemory()
  for (const kind of ['url', 'domain', 'application']) {
    memory.receive([alertAbout([`${kind} x`], 0, { title: 'One' }), alertAbout([`${kind} x`], 0, { title: 'Two' })])
  }

  assert.equal(memory.partition().length, 6)
})

test('the window is measured from sighting to sighting, both ways, and its end belongs to it', () => {
  const memory = openMemory()
  const middle = alertAbout(['device a'], 0)
  const lastToJoin = alertAbout(['device a'], 24)
  const tooLate = alertAbout(['device a'], 48.01)
  const arrivesLate = alertAbout(['device a'], -24)

  for (const alert of [middle, lastToJoin, tooLate, arrivesLate]) memory.receive([alert])

  assert.deepEqual(memory.partition(), [[middle.id, lastToJoin.id, arrivesLate.id], [tooLate.id]])
})

test('an alert that spans a time is as near as its nearest end, but never reaches back further than the window', () => {
  const memory = openMemory()
  const old = alertAbout(['device a'], -100)
  const long = alertAbout(['device a'], 40, { firstMs: alertAbout([], -300).lastMs })
  const within = alertAbout(['device a'], -7)

  for (const alert of [old, long, within]) memory.receive([alert])

  assert.deepEqual(memory.partition(), [[old.id], [long.id, within.id]])
})

test('an alert that ties two open incidents together merges them into the older one, with the reason', () => {
  const memory = openMemory()
  const one = alertAbout(['device a'], 0, { title: 'One' })
  const two = alertAbout(['user u'], 1, { title: 'Two' })
  memory.receive([one])
  memory.receive([two])
  const bridge = alertAbout(['user u', 'device a'], 2, { title: 'Bridge' })

  memory.receive([bridge])

  assert.deepEqual(
    memory.merges.map(({ from, into }) => [from, into]),
    [[2, 1]],
  )
  assert.equal(memory.incidentOf(two.id), 1)
  assert.equal(memory.incidents.get(1)?.alertCount, 3)
  const reason = memory.merges[0]?.reason
  assert.ok(reason?.rule === 'bridgedBy')
  assert.equal(reason.alertId, bridge.id)
  assert.deepEqual(reason.entity, { kind: 'user', value: 'u' })
})

test('what one batch ties together before anybody saw it becomes one incident without a merge', () => {
  const memory = openMemory()
  const one = alertAbout(['device a'], 0)
  const two = alertAbout(['user u'], 1)
  const bridge = alertAbout(['user u', 'device a'], 2)

  memory.receive([bridge, two, one])

  assert.deepEqual(memory.partition(), [[one.id, two.id, bridge.id]])
  assert.deepEqual(memory.merges, [])
  const reason = memory.joins.get(two.id)?.reason
  assert.ok(reason?.rule === 'bridgedBy')
  assert.match(describeReason(reason), new RegExp(`^Alert ${bridge.id} shares user u with both`))
})

test('a closed incident takes nothing: a new one is opened and says so', () => {
  const memory = openMemory()
  const first = alertAbout(['device a'], 0)
  memory.receive([first])
  memory.resolve(1)
  const second = alertAbout(['device a'], 1)

  memory.receive([second])

  assert.equal(memory.incidentOf(second.id), 2)
  const reason = memory.joins.get(second.id)?.reason
  assert.equal(reason?.rule, 'newIncident')
  assert.match(describeReason(reason), /device a also stands in incident 1, which is resolved\.$/)
})

test('repeats of a rule on the same thing are told apart from other shared things', () => {
  const memory = openMemory()
  memory.receive([alertAbout(['device a'], 0, { title: 'Scan' })])
  const repeat = alertAbout(['device a'], 1, { title: 'Scan' })
  const other = alertAbout(['device a'], 1, { title: 'Login' })

  memory.receive([repeat, other])

  assert.equal(memory.joins.get(repeat.id)?.reason.rule, 'repeatedRule')
  assert.equal(memory.joins.get(other.id)?.reason.rule, 'sharedEntity')
  assert.equal(memory.incidents.get(1)?.summary.groups, 2)
})

test('a hub ties nothing together: what shares only a busy address stands apart, and the reason says why', () => {
  const memory = openMemory()
  const scanned = Array.from({ length: 200 }, (_, index) => alertAbout([`device d${index}`, 'address 10.0.0.1'], 0))

  memory.receive(scanned)

  const sizes = memory.partition().map((part) => part.length)
  assert.ok(Math.max(...sizes) <= 32, `largest ${Math.max(...sizes)}`)
  assert.ok(sizes.length > 150)
  const reason = memory.joins.get(scanned[199]?.id ?? '')?.reason
  assert.ok(reason?.notes.some((note) => note.why === 'hub'))
  assert.match(
    reason ? describeReason(reason) : '',
    /address 10\.0\.0\.1 is a hub \(seen with more than 30 others within 24 h\)/,
  )
})

test('attacks behind one busy address stay two incidents, each held together by its own device', () => {
  const memory = openMemory()
  memory.receive(Array.from({ length: 60 }, (_, index) => alertAbout([`device noise${index}`, 'address proxy'], 0)))
  const attack = (device: string) =>
    ['Scan', 'Exploit', 'Shell'].map((title, at) =>
      alertAbout([`device ${device}`, 'address proxy'], 1 + at / 10, { title }),
    )
  const one = attack('alpha')
  const two = attack('beta')

  memory.receive([...one, ...two])

  assert.equal(new Set(one.map(({ id }) => memory.incidentOf(id))).size, 1)
  assert.equal(new Set(two.map(({ id }) => memory.incidentOf(id))).size, 1)
  assert.notEqual(memory.incidentOf(one[0]?.id ?? ''), memory.incidentOf(two[0]?.id ?? ''))
})

test('alerts that name nothing but a hub still find each other through it', () => {
  const memory = openMemory()
  memory.receive(Array.from({ length: 60 }, (_, index) => alertAbout([`address a${index}`, 'device gate'], 0)))
  const one = alertAbout(['device gate'], 30, { title: 'Local one' })
  const two = alertAbout(['device gate'], 31, { title: 'Local two' })

  memory.receive([one, two])

  assert.equal(memory.incidentOf(one.id), memory.incidentOf(two.id))
})

test('names of one thing are no company: a host with many interfaces is no hub', () => {
  const memory = openMemory()
  const names = Array.from({ length: 60 }, (_, index) => `address 10.0.1.${index}`)
  const one = alertAbout([`device big=${names.join('=')}`], 0, { title: 'One' })
  const two = alertAbout(['device big'], 1, { title: 'Two' })

  memory.receive([one])
  memory.receive([two])

  assert.equal(memory.incidentOf(two.id), memory.incidentOf(one.id))
})

test('a rule that fires hour after hour is collected on its own and no longer pulls anything in', () => {
  const memory = openMemory()
  const noise = Array.from({ length: 24 * 4 }, (_, hour) =>
    alertAbout(['device mail'], hour, { title: 'Login ok', severity: 32 }),
  )
  memory.receive(noise)
  const attack = ['Exploit', 'Shell'].map((title) => alertAbout(['device mail'], 90, { title, severity: 256 }))

  memory.receive(attack)

  const [first, second] = attack.map(({ id }) => memory.incidentOf(id))
  assert.equal(first, second)
  const glued = noise.filter(({ id }) => memory.incidentOf(id) === first)
  assert.equal(glued.length, 0)
  const last = memory.joins.get(noise.at(-1)?.id ?? '')
  assert.equal(last?.reason.rule, 'recurringRule')
  const collected = memory.incidents.get(last?.incident ?? 0)
  assert.equal(collected?.summary.recurring, true)
  assert.match(collected ? titleOf(collected.summary) : '', /^Recurring: Login ok on mail$/)
})

test('high alerts are never recurring, and noise that suddenly swells is not either', () => {
  const memory = openMemory()
  const high = Array.from({ length: 24 }, (_, hour) =>
    alertAbout(['device a'], hour, { title: 'Ransom', severity: 256 }),
  )
  const quiet = Array.from({ length: 24 }, (_, hour) => alertAbout(['device b'], hour, { title: '404', severity: 64 }))
  memory.receive([...high, ...quiet])
  const flood = Array.from({ length: 400 }, () => alertAbout(['device b'], 30, { title: '404', severity: 64 }))

  memory.receive(flood)

  assert.equal(new Set(high.map(({ id }) => memory.incidentOf(id))).size, 1)
  assert.ok(high.every(({ id }) => memory.joins.get(id)?.reason.rule !== 'recurringRule'))
  const rules = flood.map(({ id }) => memory.joins.get(id)?.reason.rule)
  assert.equal(rules[0], 'recurringRule')
  assert.notEqual(rules.at(-1), 'recurringRule')
})

test('a full incident takes no more: the next one says so', () => {
  const memory = openMemory({ maxAlerts: 10 })
  const alerts = Array.from({ length: 25 }, () => alertAbout(['device a'], 0))

  memory.receive(alerts.slice(0, 12))
  memory.receive(alerts.slice(12))

  assert.deepEqual(
    memory
      .partition()
      .map((part) => part.length)
      .sort(),
    [10, 10, 5].sort(),
  )
  const note = [...memory.joins.values()].flatMap(({ reason }) => reason.notes).find(({ why }) => why === 'full')
  assert.ok(note)
})

test('repeats fill an incident only by their number, different rules by theirs', () => {
  const memory = openMemory({ maxGroups: 5 })
  memory.receive(Array.from({ length: 5 }, (_, index) => alertAbout(['device a'], 0, { title: `Rule ${index}` })))
  const repeat = alertAbout(['device a'], 1, { title: 'Rule 3' })
  const another = alertAbout(['device a'], 1, { title: 'Rule 9' })

  memory.receive([repeat, another])

  assert.equal(memory.incidentOf(repeat.id), 1)
  assert.equal(memory.incidentOf(another.id), 2)
})

test('one alert merges only a few incidents: a forged one cannot make a heap of everything', () => {
  const memory = openMemory()
  const separate = Array.from({ length: 20 }, (_, index) => alertAbout([`device d${index}`], 0))
  memory.receive(separate)
  const forged = alertAbout(
    separate.map((_, index) => `device d${index}`),
    1,
  )

  memory.receive([forged])

  assert.deepEqual(memory.merges, [])
  assert.equal(memory.partition().length, 20)
  assert.match(
    describeReason(memory.joins.get(forged.id)?.reason ?? { rule: 'newIncident', notes: [] }),
    /merges at most 8\.$/,
  )
})

test('incidents that would be too large together stay apart', () => {
  const memory = openMemory({ maxAlerts: 10 })
  memory.receive(Array.from({ length: 6 }, () => alertAbout(['device a'], 0)))
  memory.receive(Array.from({ length: 6 }, () => alertAbout(['device b'], 0)))
  const bridge = alertAbout(['device a', 'device b'], 1)

  memory.receive([bridge])

  assert.deepEqual(memory.merges, [])
  assert.equal(memory.incidentOf(bridge.id), 1)
  assert.ok(memory.joins.get(bridge.id)?.reason.notes.some(({ why }) => why === 'tooLargeToMerge'))
})

test('5,000 alerts that share one thing are placed quickly, whatever else they name', () => {
  const cases = [
    (index: number) => alertAbout(['device d'], index / 5000, { title: 'Same rule' }),
    (index: number) => alertAbout(['device d'], index / 5000, { title: `Rule ${index}` }),
    (index: number) => alertAbout(['address hub', `device d${index}`], index / 5000),
    (index: number) => alertAbout(['address hub', `device d${index}`, `user u${index % 700}`], index / 5000),
  ]
  for (const [at, make] of cases.entries()) {
    const memory = openMemory()
    const alerts = Array.from({ length: 5_000 }, (_, index) => make(index))
    const watch = startStopwatch()

    for (let start = 0; start < alerts.length; start += 1_000) memory.receive(alerts.slice(start, start + 1_000))

    const tookMs = watch.ms()
    assert.ok(tookMs < 4_000, `case ${at}: ${Math.round(tookMs)} ms`)
    assert.equal(memory.joins.size, 5_000)
    assert.equal(memory.merges.length, 0)
  }
})

test("an incident's title names the strongest rules and what it is about, in at most 512 characters", () => {
  const memory = openMemory()
  const titles = ['Nmap scan.', 'Web scan', 'Reverse shell']
  memory.receive(
    titles.map((title, at) => alertAbout(['device webserver'], at, { title, severity: at === 2 ? 256 : 64 })),
  )
  memory.receive([alertAbout(['device other'], 0, { title: 'x'.repeat(900), severity: 32 })])
  memory.receive([alertAbout([], 0, { title: 'Nothing named' })])

  const shown = [...memory.incidents.values()].map(({ summary }) => titleOf(summary))

  assert.equal(shown[0], 'Multi-stage: Reverse shell, Nmap scan and 1 more on webserver')
  assert.equal(shown[1]?.length, 160 + ' on other'.length)
  assert.equal(shown[2], 'Nothing named')
  const long = { title: '𝔘'.repeat(400), severity: 64, alerts: 1 }
  const summary = { recurring: false, groups: 1, severity: 64, rules: [long], subjects: [], techniques: [], tags: [] }
  assert.ok([...titleOf(summary)].length <= 512)
})

test('the score follows the formula it documents', () => {
  const base = { recurring: false, groups: 1, severity: 32, rules: [], subjects: [], techniques: [], tags: [] }
  const rule = { title: 'a', severity: 256, alerts: 1 }
  const subject = { kind: 'device', value: 'a', alerts: 1 } as const

  assert.equal(scoreOf(base), 5)
  assert.equal(scoreOf({ ...base, severity: 64 }), 20)
  assert.equal(scoreOf({ ...base, severity: 128 }), 45)
  assert.equal(scoreOf({ ...base, severity: 256 }), 70)
  assert.equal(scoreOf({ ...base, severity: 256, recurring: true }), 35)
  const techniques = Array.from({ length: 9 }, (_, at) => `T${at}`)
  const subjects = Array.from({ length: 9 }, (_, at) => ({ ...subject, value: `d${at}` }))
  assert.equal(scoreOf({ ...base, severity: 256, groups: 5, techniques: ['T1'], subjects: [subject] }), 70 + 4 + 2)
  assert.equal(scoreOf({ ...base, severity: 256, groups: 999, techniques, subjects, rules: [rule, rule] }), 100)
})

test('severity, techniques and tags of an incident are those of its alerts', () => {
  const memory = openMemory()
  memory.receive([
    alertAbout(['device a'], 0, { severity: 64, techniques: ['T1'], tags: ['x'] }),
    alertAbout(['device a'], 1, { severity: 256, techniques: ['T2', 'T1'], tags: ['y'] }),
    alertAbout(['device a'], 2, { severity: 32 }),
  ])

  const { severity, techniques, tags } = memory.incidents.get(1)?.summary ?? {}
  assert.deepEqual({ severity, techniques, tags }, { severity: 256, techniques: ['T1', 'T2'], tags: ['x', 'y'] })
})
