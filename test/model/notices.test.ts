import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeInert } from '../../src/model/notices/message.ts'
import { findQuietEnd } from '../../src/model/notices/quiet-hours.ts'
import { escalationPolicy, personSettings } from '../../src/model/notices/settings.ts'
import { readDocument } from '../../src/model/safety/fields.ts'

test('inert text is one bounded line that nothing makes a link, a header or a mention of', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['two\r\nlines', 'two lines'],
    ['nul\u0000bell\u0007esc\u001b[31m', 'nul bell esc [31m'],
    ['gnp\u202eexe\u2066x\u200b', 'gnp exe x'],
    ['see https://evil.example/x?y', 'see hxxps[:]//evil[.]example/x?y'],
    ['HTTP://EVIL.EXAMPLE', 'hxxp[:]//EVIL[.]EXAMPLE'],
    ['mailto:a@b.example', 'mailto[:]a(at)b[.]example'],
    ['evil。example', 'evil[.]example'],
    ['lone \ud800 surrogate', 'lone \ufffd surrogate'],
    ['10.0.0.7 beacons.', '10[.]0[.]0[.]7 beacons.'],
    ['x'.repeat(300), `${'x'.repeat(199)}…`],
    ['𝒳'.repeat(300), `${'𝒳'.repeat(199)}…`],
  ]

  const made = cases.map(([text]) => makeInert(text, 200))

  assert.deepEqual(
    made,
    cases.map(([, wanted]) => wanted),
  )
})

test('quiet hours end by the wall clock of their time zone, also over a night in which the clocks change', () => {
  const night = { from: '22:00', to: '07:00', timeZone: 'Europe/Berlin' }
  const cases: readonly (readonly [object, string, string | null])[] = [
    [{}, '2026-06-10T19:59:59Z', null],
    [{}, '2026-06-10T20:00:00Z', '2026-06-11T05:00:00Z'],
    [{}, '2026-06-11T04:59:30Z', '2026-06-11T05:00:00Z'],
    [{}, '2026-06-11T05:00:00Z', null],
    // Clocks go forward in the night to 29 March, and back in the night to 25 October.
    [{}, '2026-03-28T22:30:00Z', '2026-03-29T05:00:00Z'],
    [{}, '2026-10-24T22:30:00Z', '2026-10-25T06:00:00Z'],
    [{ from: '12:00', to: '13:00', timeZone: 'Asia/Kolkata' }, '2026-06-10T07:00:00Z', '2026-06-10T07:30:00Z'],
    [{ from: '08:00', to: '08:00', timeZone: 'UTC' }, '2026-06-10T07:00:00Z', '2026-06-10T08:00:00Z'],
  ]

  const ends = cases.map(([change, now]) => findQuietEnd({ ...night, ...change }, Date.parse(now)))

  assert.deepEqual(
    ends.map((end) => (end === null ? null : new Date(end).toISOString().replace('.000', ''))),
    cases.map(([, , wanted]) => wanted),
  )
})

test('settings name every field that is wrong', () => {
  const wrong = {
    mail: 'ada@example.org\r\nBcc: eve@example.org',
    events: ['awaitingAction', 'everything'],
    minSeverity: 'loud',
    quietHours: { from: '25:00', to: '7', timeZone: 'Mars/Olympus', highBreaksThrough: 'yes' },
  }
  const step = { afterMinutes: 5, channels: [], people: [], ignoreQuietHours: false }

  const person = readDocument(personSettings, wrong)
  const escalation = readDocument(escalationPolicy, {
    minSeverity: 'high',
    steps: [step, { ...step, afterMinutes: 5 }],
  })

  assert.deepEqual(person.ok ? [] : person.faults.map(({ path }) => path), [
    'mail',
    'events[1]',
    // What stands in for it repeats the first.
    'events[1]',
    'minSeverity',
    'quietHours.from',
    'quietHours.to',
    'quietHours.timeZone',
    'quietHours.highBreaksThrough',
  ])
  assert.deepEqual(escalation.ok ? [] : escalation.faults.map(({ path }) => path), [
    'steps[0]',
    'steps[1].afterMinutes',
    'steps[1]',
  ])
})
