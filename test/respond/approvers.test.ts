import assert from 'node:assert/strict'
import { castVote } from '../../src/respond/safety/approvals.ts'
import { readApprovers } from '../../src/respond/safety/approvers.ts'
import { addChannel, mailSettings } from '../notify/people-world.ts'
import { eachDatabase } from '../support/databases.ts'
import { tenantId } from '../support/engine.ts'
import { startMailServer } from '../support/mail-server.ts'
import { signInPerson } from '../support/person.ts'
import { setPolicy } from '../support/policies.ts'
import { receiverTls } from '../support/receiver.ts'
import { tenantTest } from '../support/shared-cordon.ts'
import { answerOf, askFor, createBench } from './races/bench.ts'

eachDatabase(
  'whoever is said to be able to approve is counted, and everybody else is refused with the reason that was said',
  async (t, store) => {
    const bench = await createBench(t, store)
    await bench.policy(askFor(4))
    const taskId = await bench.task()
    await bench.execute(taskId)
    const everybody = [bench.customer, bench.expert, ...bench.approvers, bench.admin]
    // Whoever requested it, and whoever proposed it, may approve since; that it is theirs bars them all the same.
    await store.transaction(async (tx) => {
      const people = tx.updateTable('users').set({ role: 'approver' }).where('tenant_id', '=', tenantId)
      await people.where('id', 'in', [bench.customer.id, bench.expert.id]).execute()
    })
    const ask = async (who: (typeof everybody)[number]) => {
      const approval = await bench.approval(taskId)
      const said = (await readApprovers(bench, who, [approval])).get(approval.id)
      const ballot = { decision: 'approve', digest: approval.digest, comment: null } as const
      return { approval, said, ballot }
    }

    const named: string[] = []
    const wrong: string[] = []
    for (const who of everybody.filter(({ id }) => id !== bench.admin.id)) {
      const { approval, said, ballot } = await ask(who)
      named.push(...(said?.who ?? []).map(({ name }) => name))
      const isNamed = said?.who.some(({ id }) => id === who.id)
      const answer = await answerOf(castVote(bench, who, approval.id, ballot))
      const isCounted = answer === 'ok'
      if (isNamed !== isCounted || said?.you.may !== isCounted) wrong.push(`${who.name}: ${answer}`)
      if (!isCounted && answer !== `Forbidden: ${said?.you.reason}`) wrong.push(`${who.name}: ${answer}`)
    }
    const last = await ask(bench.admin)

    assert.deepEqual(wrong, [])
    assert.deepEqual([...new Set(named)].sort(), ['approver', 'approver2'])
    assert.deepEqual(last.said?.who, [], 'both have approved')
    assert.match(last.said?.you.reason ?? '', /role approver/)
  },
)

tenantTest(
  'an approval and a preview name ten at most with when they hear of it, to those who take part, and nobody where there is nobody',
  async (tenant, cordon, t) => {
    await setPolicy(cordon.store, tenant.id, askFor(2))
    const [incidentId, responder, reader] = [
      await tenant.incident(),
      await tenant.as('responder'),
      await tenant.as('reader'),
    ]
    const taskId = await tenant.task(incidentId)
    const lonely = (await responder.post(`/api/v1/tasks/${taskId}/preview`)).body.mayApprove
    const mail = await startMailServer(t)
    await addChannel(tenant, 'mail', mailSettings(mail, (await receiverTls()).ca))
    const ada = await signInPerson(cordon, tenant.id, 'approver', 'Ada')
    const bo = await signInPerson(cordon, tenant.id, 'approver', 'Bo')
    for (let n = 0; n < 9; n++) await signInPerson(cordon, tenant.id, 'approver', `Cy ${n}`)
    const settings = { events: ['approvalRequested'], minSeverity: 'informational' }
    const always = { from: '00:00', to: '00:00', timeZone: 'UTC', highBreaksThrough: false }
    const wishes = [
      [ada, null],
      [bo, always],
    ] as const
    for (const [who, quietHours] of wishes) {
      const body = { ...settings, mail: `${who.name.toLowerCase()}@example.org`, quietHours }
      const set = await who.client.send('PUT', '/api/v1/notifications/settings', JSON.stringify(body), {
        'Content-Type': 'application/json',
        'If-Match': '*',
      })
      assert.equal(set.status, 200, set.text)
    }

    const before = (await responder.post(`/api/v1/tasks/${taskId}/preview`)).body.mayApprove
    await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
    const [waiting] = (await responder.get('/api/v1/approvals')).body.value
    const { digest, id } = waiting
    const [forReader] = (await reader.get('/api/v1/approvals')).body.value
    const agreed = await ada.client.post(`/api/v1/approvals/${id}/approve`, { digest })
    const run = (await reader.get(`/api/v1/tasks/${taskId}/executions`)).body.value[0]

    assert.deepEqual([lonely.count, lonely.people], [0, []])
    assert.equal(before.count, 11)
    assert.equal(before.people.length, 10)
    assert.deepEqual(
      before.people.slice(0, 3).map(({ name, hears }: Named) => [name, hears.state]),
      [
        ['Ada', 'now'],
        ['Bo', 'later'],
        ['Cy 0', 'untold'],
      ],
    )
    assert.match(before.people[1].hears.until, /T00:00:00\.0000000Z$/)
    assert.deepEqual(before.you, { may: false, reason: 'Whoever requested an action does not approve it.' })
    assert.deepEqual(waiting.mayApprove, before)
    assert.deepEqual([forReader.mayApprove.count, forReader.mayApprove.people], [11, null])
    assert.deepEqual([agreed.body.agreed, agreed.body.mayApprove.count], [1, 10])
    assert.equal(agreed.body.mayApprove.you.reason, 'Ada has approved it already.')
    assert.deepEqual([run.approval.agreed, run.approval.required], [1, 2])
  },
)

interface Named {
  readonly name: string
  readonly hears: { readonly state: string }
}
