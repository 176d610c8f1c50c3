import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { openStore } from '../../src/store/db.ts'
import { isPostgresUrl, readConnectTimeoutMs } from '../../src/store/postgres-url.ts'

test('a database is PostgreSQL by its URL', () => {
  const told = ['postgres://h/d', 'postgresql://h/d', './data/cordon.db', 'postgres'].map(isPostgresUrl)

  assert.deepEqual(told, [true, true, false, false])
})

test('a URL says how long a connection is waited for, in seconds; without, it is two', () => {
  const waits = ['', '?connect_timeout=1', '?sslmode=require&connect_timeout=300'].map((options) =>
    readConnectTimeoutMs(`postgres://cordon@127.0.0.1:5432/cordon${options}`),
  )

  assert.deepEqual(waits, [2_000, 1_000, 300_000])
})

for (const value of ['', '0', '-1', '301', '2.5', 'ten', '1e1']) {
  test(`connect_timeout=${value} is refused with what it takes`, async () => {
    await assert.rejects(openStore(`postgres://cordon@127.0.0.1/cordon?connect_timeout=${value}`), {
      name: 'CordonError',
      kind: 'BadRequest',
      message: 'connect_timeout in the database URL takes 1 to 300 seconds.',
    })
  })
}

test('a server that takes a connection and never answers is given up after that time', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  server.on('connection', (socket) => void t.after(() => socket.destroy()))
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }

  await assert.rejects(openStore(`postgres://cordon@127.0.0.1:${port}/cordon?connect_timeout=1`), /connection timeout/)
})
