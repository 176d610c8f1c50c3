import assert from 'node:assert/strict'
import test from 'node:test'
import { readConnections } from '../../src/agent/host/connections.ts'
import { openPackageFolder } from '../../src/agents/evidence/package-folder.ts'
import { openAgentChannel } from '../../src/agents/open.ts'
import type { Order } from '../../src/connectors/connector.ts'
import { readOwnHost } from '../../src/connectors/endpoint/cordon-agent/devices.ts'
import { createCordonAgentConnector } from '../../src/connectors/endpoint/cordon-agent/index.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { createLog } from '../../src/io/log.ts'
import { loadKeys } from '../../src/io/secrets.ts'
import { enrolDevice } from '../support/device.ts'
import { tenantTestOnEach } from '../support/shared-cordon.ts'

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'

test('the kernel’s table of connections reads in both byte orders, and only what is established counts', () => {
  const little = [
    head,
    '   0: 0500000A:01BB 0900000A:C7C2 01 00000000:00000000 00:00000000 00000000     0        0 1 1',
    '   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1',
    '   2: 0500000A:0016 0900000A:C7C3 06 00000000:00000000 00:00000000 00000000     0        0 3 1',
    '',
  ].join('\n')
  const expected = [{ local: { address: '10.0.0.5', port: 443 }, remote: { address: '10.0.0.9', port: 51138 } }]
  assert.deepEqual(readConnections(little, 'LE'), expected)
  const big = little.replace('0500000A:01BB 0900000A', '0A000005:01BB 0A000009')
  assert.deepEqual(readConnections(big, 'BE'), expected)
})

test('IPv6 addresses are shortened, and mapped IPv4 ones come out as such', () => {
  const table = (address: string): string => `${head}\n   0: ${address}:0016 ${address}:0017 01 0:0 00:0 0 0 0 1 1\n`
  const read = (address: string): string | undefined => readConnections(table(address), 'LE')[0]?.local.address
  assert.equal(read('B80D0120000000000000000001000000'), '2001:db8::1')
  assert.equal(read('00000000000000000000000001000000'), '::1')
  assert.equal(read('0000000000000000FFFF00000500000A'), '10.0.0.5')
  assert.equal(read('B80D0120010000000200000001000000'), '2001:db8:0:1:0:2:0:1')
})

test('what is no line of the table is no connection', () => {
  for (const table of ['', head, `${head}\nnonsense`, `${head}\n 0: zz:0016 0900000A:C7C2 01`]) {
    assert.deepEqual(readConnections(table, 'LE'), [])
  }
})

tenantTestOnEach(
  'a second start of an execution attaches to the command of the first, whatever its epoch',
  async (tenant, cordon) => {
    const device = await enrolDevice(cordon, tenant.id, 'attach-01')
    const { commandKey } = await loadKeys(cordon.dataDir)
    const packages = openPackageFolder(cordon.dataDir)
    const deps = {
      store: cordon.store,
      clock: systemClock,
      ids: randomIds,
      log: createLog('silent'),
      commandKey,
      packages,
    }
    const connector = createCordonAgentConnector({ ...openAgentChannel(deps), readOwnHost })
    const order = (epoch: number): Order => ({
      tenantId: tenant.id,
      executionId: '0a1b2c3d-0000-4000-8000-000000000001',
      taskId: 'task-1',
      actionType: 'isolateDevice',
      target: { kind: 'device', key: device.id, displayName: 'attach-01', identifier: 'attach-01' },
      parameters: { isolationType: 'full' },
      notAfter: '2099-01-01T00:00:00.0000000Z',
      epoch,
      actor: { id: 'ada', kind: 'user', name: 'Ada' },
      approvals: null,
      onlyTargets: null,
      reason: 'test',
    })
    const executionId = `${tenant.id.slice(0, 8)}-0000-4000-8000-000000000001`
    const own = (epoch: number): Order => ({ ...order(epoch), executionId })

    const unknown = await connector.attach(own(1))
    const answers = await Promise.all([connector.start(own(1)), connector.start(own(2)), connector.start(own(3))])
    const found = await connector.attach(own(4))

    assert.equal(unknown, null)
    for (const answer of [...answers, found]) {
      assert.deepEqual(answer, { outcome: 'accepted', delivered: false, handle: executionId, checkAfterSeconds: 2 })
    }
    assert.equal((await device.fetch()).length, 1)
  },
)
