import assert from 'node:assert/strict'
import test from 'node:test'
import { seededRandom } from '../../bench/random.ts'
import { createEndpoint } from '../support/endpoint.ts'
import { testSeed as seed } from '../support/seed.ts'
import { drawSituation, SERVER_NAME } from '../support/situations.ts'

const rounds = Number(process.env.CORDON_ISOLATION_ROUNDS ?? 5)

test(`no isolation cuts its own release in ${rounds} situations (CORDON_ISOLATION_ROUNDS), seed ${seed}`, async (t) => {
  const endpoint = await createEndpoint(t, SERVER_NAME)
  if (endpoint === undefined) return
  const { lab, control } = endpoint
  const random = seededRandom(seed)
  await endpoint.start()
  let held = 0

  for (let round = 1; round <= rounds; round += 1) {
    const situation = drawSituation(endpoint, random)
    const said = `round ${round}, seed ${seed}: ${situation.text}`
    await situation.enter()
    const before = await lab.listRuleset(lab.endpoint)

    const result = await endpoint.isolate(`i${round}`, { selfTestSeconds: 1 })

    if (result.state === 'succeeded') {
      held += 1
      assert.deepEqual(await endpoint.reachesInternet(), { v4: false, v6: false }, said)
      // What is forgotten on the way must come back through the isolation.
      control.cut()
      const released = await endpoint.release(`r${round}`)
      assert.equal(released.state, 'succeeded', said)
    } else {
      assert.equal(result.state, 'failed', said)
      assert.equal(result.targets[0]?.code, 'ChannelLost', said)
      assert.deepEqual(result.after, { isolated: false }, said)
    }
    assert.equal(await lab.listRuleset(lab.endpoint), before, said)
    await situation.leave()
  }
  t.diagnostic(`${held} held, ${rounds - held} taken back`)
})
