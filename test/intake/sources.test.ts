import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { canonicalAddress } from '../../src/intake/addresses.ts'
import { readInstant } from '../../src/intake/instants.ts'
import { normaliseRecord } from '../../src/intake/intake.ts'
import { isRejection, type NormalisedAlert, type Source } from '../../src/intake/normalised.ts'
import { graph } from '../../src/intake/sources/graph.ts'
import { sources } from '../../src/intake/sources/list.ts'
import { suricata } from '../../src/intake/sources/suricata.ts'
import { propertiesOf } from '../../src/model/edm.ts'
import { readEntity } from '../../src/model/graph-validate.ts'
import { goldenContext, goldenInputs, goldenOutput, readGolden } from './golden.ts'

for (const source of Object.values(sources)) {
  for (const input of goldenInputs(source.name)) {
    test(`${input} becomes exactly what is written beside it`, () => {
      const expected: unknown = JSON.parse(readFileSync(goldenOutput(input), 'utf8'))

      assert.deepEqual(JSON.parse(JSON.stringify(readGolden(source, input))), expected)
    })
  }
}

test('every source has a golden pair', () => {
  for (const name of Object.keys(sources)) assert.ok(goldenInputs(name).length > 0, name)
})

test('an alert of any source is a whole Graph alert: every property of it and of its evidence is there and valid', () => {
  const options = { includeUnknownEnumMembers: true }
  for (const alert of goldenAlerts()) {
    const read = readEntity('alert', alert.content, 'create', options)
    assert.ok(!('refused' in read), 'refused' in read ? read.reason : '')
    for (const item of alert.content.evidence) {
      const name = item['@odata.type'].slice('#microsoft.graph.security.'.length) as 'deviceEvidence'
      const declared = propertiesOf(name).map((property) => property.name)
      assert.deepEqual(Object.keys(item).sort(), ['@odata.type', ...declared].sort())
    }
  }
})

test('the JSON of an alert stays near 20,000 characters, and what was cut says so', () => {
  for (const alert of goldenAlerts()) assert.ok(JSON.stringify(alert.content).length < 21_000)
  const large = goldenAlerts().find((alert) => alert.content.title === 'large')
  assert.match(String(large?.content.additionalData.big), / … \[cut: 60000 characters\]$/)
  assert.equal(large?.content.additionalData.small, 'kept')
})

test('the label columns of the data set leave no trace', () => {
  const [row] = readGolden(required('ait-ads'), 'ait-ads.in.csv')

  assert.doesNotMatch(JSON.stringify(row), /false_positive|label/)
})

test('equal rows of one file are numbered, so that they stay distinct while the same file twice gives the same ids', () => {
  const ids = (): string[] => readGolden(required('ait-ads'), 'ait-ads.in.csv').flatMap(idOf)

  const first = ids()

  assert.equal(new Set(first).size, first.length)
  assert.deepEqual(ids(), first)
})

test("an event's id depends on what makes the event and on nothing else", () => {
  const event = {
    timestamp: '2024-05-01T10:00:00.000000+0000',
    event_type: 'alert',
    flow_id: 1,
    src_ip: '10.0.0.1',
    dest_ip: '10.0.0.2',
    alert: { signature: 'A', signature_id: 5 },
  }
  const idWith = (change: object): string => normalised(suricata, { ...event, ...change }).providerAlertId

  assert.equal(idWith({ payload_printable: 'more', timestamp: '2024-05-01T12:00:00.0+0200' }), idWith({}))
  for (const change of [
    { flow_id: 2 },
    { src_ip: '10.0.0.9' },
    { dest_port: 5 },
    { alert: { signature: 'A', signature_id: 6 } },
  ]) {
    assert.notEqual(idWith(change), idWith({}))
  }
})

test('a Graph-shaped alert without an id of its own is the same alert when it is sent again later', () => {
  const body = {
    title: 'x',
    severity: 'low',
    evidence: [{ '@odata.type': '#microsoft.graph.security.urlEvidence', url: 'u' }],
  }
  const later = { ...goldenContext, receivedAt: '2025-02-02T00:00:00.0000000Z' }

  const first = normaliseRecord(graph, body, goldenContext)
  const again = normaliseRecord(graph, body, later)

  assert.ok(first !== 'ignored' && again !== 'ignored' && !isRejection(first) && !isRejection(again))
  assert.equal(again.providerAlertId, first.providerAlertId)
})

test('what says nothing about belonging together is named but never a link', () => {
  const evidence = [
    { '@odata.type': '#microsoft.graph.security.ipEvidence', ipAddress: '127.0.0.1' },
    { '@odata.type': '#microsoft.graph.security.ipEvidence', ipAddress: '255.255.255.255' },
    { '@odata.type': '#microsoft.graph.security.ipEvidence', ipAddress: '8.8.8.8' },
    { '@odata.type': '#microsoft.graph.security.userEvidence', userAccount: { accountName: 'root' } },
    {
      '@odata.type': '#microsoft.graph.security.userEvidence',
      userAccount: { accountName: 'SYSTEM', domainName: 'NT AUTHORITY', userSid: 'S-1-5-18' },
    },
    { '@odata.type': '#microsoft.graph.security.fileEvidence', fileDetails: { fileName: 'cmd.exe' } },
    { '@odata.type': '#microsoft.graph.security.fileEvidence', fileDetails: { fileName: 'passwd', filePath: '/etc/' } },
    {
      '@odata.type': '#microsoft.graph.security.fileHashEvidence',
      algorithm: 'md5',
      value: 'd41d8cd98f00b204e9800998ecf8427e',
    },
    { '@odata.type': '#microsoft.graph.security.urlEvidence', url: 'https://a.example/' },
  ]

  const { entities } = normalised(graph, { title: 'x', severity: 'low', evidence })

  assert.ok(entities.length >= evidence.length)
  assert.deepEqual(
    entities.filter((entity) => entity.links),
    [],
  )
})

test('names are compared in one spelling', () => {
  const evidence = [
    {
      '@odata.type': '#microsoft.graph.security.deviceEvidence',
      hostName: 'WEB-1',
      deviceDnsName: 'Web-1.Corp.Example.',
    },
    {
      '@odata.type': '#microsoft.graph.security.userEvidence',
      userAccount: { accountName: 'Administrator', domainName: 'CORP' },
    },
    {
      '@odata.type': '#microsoft.graph.security.fileEvidence',
      fileDetails: { fileName: 'Evil.DLL', filePath: 'C:\\Temp' },
    },
  ]

  const { entities } = normalised(graph, { title: 'x', severity: 'low', evidence })

  const links = entities.filter((entity) => entity.links).map((entity) => `${entity.kind} ${entity.value}`)
  assert.deepEqual(links, [
    'device web-1',
    'device web-1.corp.example',
    'user corp\\administrator',
    'file c:\\temp\\evil.dll',
  ])
})

test('addresses have one spelling', () => {
  assert.equal(canonicalAddress('::ffff:192.0.2.9'), '192.0.2.9')
  assert.equal(canonicalAddress('2001:DB8:0:0:0:0:0:1'), '2001:db8::1')
  assert.equal(canonicalAddress('fe80::1%eth0'), 'fe80::1')
  assert.equal(canonicalAddress('010.0.0.1'), null)
  assert.equal(canonicalAddress('host'), null)
})

test('timestamps are read in the forms sensors write and refused otherwise', () => {
  const cases: readonly [string, string | null][] = [
    ['2015-03-29T11:01:38.221126-0600', '2015-03-29T17:01:38.2211260Z'],
    ['2019-01-02T03:50:11.315110', '2019-01-02T03:50:11.3151100Z'],
    ['2024-02-29 23:59:60Z', '2024-02-29T23:59:59.0000000Z'],
    ['2024-05-01T10:00:00.123456789012+05:30', '2024-05-01T04:30:00.1234567Z'],
    ['2023-02-29T00:00:00Z', null],
    ['2024-05-01T24:00:00Z', null],
    ['2024-05-01T10:00:00+99:00', null],
    ['0000-12-31T00:00:00Z', null],
    ['2024-05-01', null],
    ['', null],
  ]
  for (const [text, expected] of cases) assert.equal(readInstant(text), expected, text)
})

function required(name: string): Source {
  const source = sources[name]
  assert.ok(source)
  return source
}

function normalised(source: Source, raw: unknown): NormalisedAlert {
  const outcome = normaliseRecord(source, raw, goldenContext)
  assert.ok(outcome !== 'ignored' && !isRejection(outcome), JSON.stringify(outcome))
  return outcome
}

function idOf(result: unknown): string[] {
  const { alert } = result as { alert?: NormalisedAlert }
  return alert === undefined ? [] : [alert.providerAlertId]
}

function goldenAlerts(): NormalisedAlert[] {
  return Object.values(sources).flatMap((source) =>
    goldenInputs(source.name).flatMap((input) =>
      readGolden(source, input).flatMap((result) => {
        const { alert } = result as { alert?: NormalisedAlert }
        return alert === undefined ? [] : [alert]
      }),
    ),
  )
}
