import assert from 'node:assert/strict'
import { quotas } from '../../src/notify/subscription.ts'
import { assertError, guidPattern, instantPattern } from '../support/answers.ts'
import { playAlong, startReceiver } from '../support/receiver.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'
import { minutesAhead, subscribe, subscriptionBody } from './world.ts'

tenantTestOnEach('a subscription is made once its endpoints have sent their tokens back', async (tenant, cordon, t) => {
  const receiver = await startReceiver(t)
  const reader = await tenant.as('reader')
  const url = `${receiver.origin}/hook?key=a%20b`

  const made = await reader.post('/beta/subscriptions', {
    ...subscriptionBody(url),
    lifecycleNotificationUrl: `${receiver.origin}/life`,
    '@odata.type': '#microsoft.graph.subscription',
  })

  assert.equal(made.status, 201, made.text)
  const { id, expirationDateTime, creatorId, ...rest } = made.body
  assert.match(id, guidPattern)
  assert.match(expirationDateTime, instantPattern)
  assert.equal(made.headers.location, `${cordon.url}/beta/subscriptions/${id}`)
  assert.deepEqual(rest, {
    '@odata.context': `${cordon.url}/beta/$metadata#subscriptions/$entity`,
    resource: '/security/incidents',
    applicationId: creatorId,
    changeType: 'created,updated',
    clientState: 'secret of the receiver',
    notificationUrl: url,
    notificationQueryOptions: null,
    lifecycleNotificationUrl: `${receiver.origin}/life`,
    includeResourceData: null,
    latestSupportedTlsVersion: 'v1_2',
    encryptionCertificate: null,
    encryptionCertificateId: null,
    notificationUrlAppId: null,
  })
  const [first, second] = receiver.received
  assert.deepEqual([first?.method, first?.path, first?.query.get('key')], ['POST', '/hook', 'a b'])
  assert.deepEqual([first?.contentType, first?.text, second?.path], ['text/plain; charset=utf-8', '', '/life'])
  assert.notEqual(first?.query.get('validationToken'), second?.query.get('validationToken'))
  assert.deepEqual((await reader.get(`/v1.0/subscriptions/${id}`)).body, {
    ...made.body,
    '@odata.context': `${cordon.url}/v1.0/$metadata#subscriptions/$entity`,
  })
})

tenantTestOnEach('its owner lists, renews, moves, reauthorizes and deletes it', async (tenant, _cordon, t) => {
  const receiver = await startReceiver(t)
  const reader = await tenant.as('reader')
  const { id } = await subscribe(reader, `${receiver.origin}/a`)
  const path = `/v1.0/subscriptions/${id}`

  const listed = await reader.get('/v1.0/subscriptions')
  const renewed = await reader.patch(path, { expirationDateTime: minutesAhead(600) })
  const moved = await reader.patch(path, { notificationUrl: `${receiver.origin}/b`, clientState: 'other', id: 'x' })
  const same = await reader.patch(path, {})
  const confirmed = await reader.post(`${path}/reauthorize`)
  const gone = await reader.send('DELETE', path)

  assert.deepEqual(
    listed.body.value.map((item: { id: string }) => item.id),
    [id],
  )
  assert.ok(renewed.body.expirationDateTime > listed.body.value[0].expirationDateTime)
  assert.equal(moved.body.notificationUrl, `${receiver.origin}/b`)
  assert.equal(moved.body.clientState, 'secret of the receiver')
  assert.equal(moved.body.expirationDateTime, renewed.body.expirationDateTime)
  assert.deepEqual(same.body, moved.body)
  assert.deepEqual(
    receiver.received.map(({ path: asked }) => asked),
    ['/a', '/b'],
  )
  assert.deepEqual([confirmed.status, confirmed.text, gone.status, gone.text], [204, '', 204, ''])
  assertError(await reader.get(path), 404)
  assert.deepEqual((await reader.get('/beta/subscriptions')).body.value, [])
  assertError(await reader.send('DELETE', path), 404)
})

tenantTest("nobody sees or changes another application's subscription", async (tenant, cordon, t) => {
  const receiver = await startReceiver(t)
  const owner = await tenant.as('reader')
  const other = await cordon.as('admin', tenant.id)
  const { id } = await subscribe(owner, `${receiver.origin}/a`)
  const path = `/v1.0/subscriptions/${id}`

  assertError(await other.get(path), 404)
  assertError(await other.patch(path, { expirationDateTime: minutesAhead(60) }), 404)
  assertError(await other.send('DELETE', path), 404)
  assertError(await other.post(`${path}/reauthorize`), 404)
  assert.deepEqual((await other.get('/v1.0/subscriptions')).body.value, [])
  assertError(await cordon.anonymous.get(path), 401)
  assert.equal((await owner.get(path)).status, 200)
})

tenantTest('a body that says something wrong is refused, and nobody is called', async (tenant, cordon, t) => {
  const receiver = await startReceiver(t)
  const reader = await tenant.as('reader')
  const url = `${receiver.origin}/x`
  const wrong: readonly (readonly [object, string])[] = [
    [{ notificationUrl: undefined }, 'notificationUrl'],
    [{ notificationUrl: ['https://a', 'https://b'] }, 'notificationUrl'],
    [{ notificationUrl: 'ftp://hooks.example/x' }, 'notificationUrl'],
    [{ notificationUrl: `http://127.0.0.1:${receiver.port}/x` }, 'notificationUrl'],
    [{ notificationUrl: `https://127.1:${receiver.port}/x` }, 'notificationUrl'],
    [{ notificationUrl: 'https://10.0.0.5/x' }, 'notificationUrl'],
    [{ notificationUrl: `${cordon.url}/x` }, 'notificationUrl'],
    [{ notificationUrl: `${url}?${'x'.repeat(2048)}` }, 'notificationUrl'],
    [{ resource: undefined }, 'resource'],
    [{ resource: 'users' }, 'resource'],
    [{ resource: '/security/incidents/1/alerts' }, 'resource'],
    [{ resource: "security/incidents('%zz')" }, 'resource'],
    [{ resource: 'security/incidents?$top=1' }, '$top'],
    [{ resource: 'security/incidents?$filter=nothing eq 1' }, '$filter'],
    [{ changeType: undefined }, 'changeType'],
    [{ changeType: 'created,moved' }, 'changeType'],
    [{ changeType: 'created,created' }, 'changeType'],
    [{ changeType: '' }, 'changeType'],
    [{ expirationDateTime: undefined }, 'expirationDateTime'],
    [{ expirationDateTime: 'tomorrow' }, 'expirationDateTime'],
    [{ expirationDateTime: minutesAhead(-1) }, 'expirationDateTime'],
    [{ expirationDateTime: minutesAhead(43_202) }, 'expirationDateTime'],
    [{ clientState: 's'.repeat(129) }, 'clientState'],
    [{ clientState: 1 }, 'clientState'],
    [{ includeResourceData: true }, 'includeResourceData'],
    [{ latestSupportedTlsVersion: 'v9' }, 'latestSupportedTlsVersion'],
    [{ secret: 1 }, 'secret'],
    [{ '@odata.type': 'x' }, '@odata.type'],
  ]
  for (const [changes, target] of wrong) {
    const reply = await reader.post('/beta/subscriptions', subscriptionBody(url, changes))
    assert.equal(reply.status, 400, `${JSON.stringify(changes).slice(0, 200)} ${reply.text}`)
    assertError(reply, 400, { code: 'BadRequest', target })
  }
  for (const body of [null, [], 'x']) assertError(await reader.post('/beta/subscriptions', body), 400)
  assertError(await reader.get('/v1.0/subscriptions?$top=1'), 400)
  assertError(
    await reader.post('/v1.0/subscriptions', subscriptionBody(url, { resource: 'security/incidents/99' })),
    404,
  )
  assert.equal(receiver.connections(), 0)
  assert.deepEqual((await reader.get('/v1.0/subscriptions')).body.value, [])
})

tenantTest('what can be watched is watched, in every spelling', async (tenant, _cordon, t) => {
  const receiver = await startReceiver(t)
  const responder = await tenant.as('responder')
  const incident = await tenant.incident()
  const alert = await tenant.alert(incident)
  const task = await tenant.task(incident)
  const resources = [
    ...['security/incidents', '/Security/Alerts_V2', 'security/incidentTasks', `security/incidents/${incident}`],
    ...[`/security/incidents('${incident}')`, `security/alerts_v2/${alert}`, `security/incidentTasks('${task}')`],
    ...["security/incidents?$filter=severity eq 'high'", "security/incidentTasks?%24filter=status%20eq%20'open'"],
  ]
  for (const resource of resources) {
    assert.equal((await subscribe(responder, receiver.origin, { resource })).resource, resource)
  }
})

tenantTest('an endpoint that does not play its part gets no subscription', async (tenant, _cordon, t) => {
  const receiver = await startReceiver(t)
  const reader = await tenant.as('reader')
  const body = subscriptionBody(`${receiver.origin}/x`)
  const plain = { 'Content-Type': 'text/plain' }
  const behaviours: readonly Parameters<typeof receiver.behave>[0][] = [
    () => ({ status: 200, text: 'something else', headers: plain }),
    ({ query }) => ({ status: 200, text: encodeURIComponent(query.get('validationToken') ?? ''), headers: plain }),
    ({ query }) => ({ status: 202, text: query.get('validationToken') ?? '', headers: plain }),
    ({ query }) => ({
      status: 200,
      text: query.get('validationToken') ?? '',
      headers: { 'Content-Type': 'text/html' },
    }),
    ({ query }) => ({ status: 200, text: `${query.get('validationToken')}${'x'.repeat(5000)}`, headers: plain }),
    ({ path }) => ({ status: 307, headers: { Location: `${receiver.origin}${path}/again` } }),
    () => ({ status: 500 }),
  ]
  for (const behaviour of behaviours) {
    receiver.behave(behaviour)
    assertError(await reader.post('/v1.0/subscriptions', body), 400, { target: 'notificationUrl' })
  }
  receiver.behave((request) => (request.path === '/life' ? { status: 404 } : playAlong(request)))
  const life = { ...body, lifecycleNotificationUrl: `${receiver.origin}/life` }
  assertError(await reader.post('/v1.0/subscriptions', life), 400, { target: 'lifecycleNotificationUrl' })
  assert.deepEqual((await reader.get('/v1.0/subscriptions')).body.value, [])
})

tenantTest('an endpoint that hangs is given up after 10 s', async (tenant, _cordon, t) => {
  const receiver = await startReceiver(t)
  const reader = await tenant.as('reader')
  receiver.behave(() => 'hang')
  const started = performance.now()

  const reply = await reader.post('/v1.0/subscriptions', subscriptionBody(`${receiver.origin}/x`))

  assertError(reply, 400, { target: 'notificationUrl' })
  const seconds = (performance.now() - started) / 1000
  // When it is told of that is the machine's affair; without an end it would hang for good.
  assert.ok(seconds > 9.5 && seconds < 45, String(seconds))
})

tenantTest('a time under 45 minutes is raised to that, and PATCH keeps the same rules', async (tenant, _cordon, t) => {
  const receiver = await startReceiver(t)
  const reader = await tenant.as('reader')
  const made = await subscribe(reader, receiver.origin, { expirationDateTime: minutesAhead(1) })
  const path = `/v1.0/subscriptions/${made.id}`

  const minutes = (Date.parse(made.expirationDateTime.slice(0, 23).concat('Z')) - Date.now()) / 60_000
  assert.ok(minutes > 44 && minutes <= 45, String(minutes))
  assertError(await reader.patch(path, { expirationDateTime: minutesAhead(43_202) }), 400)
  assertError(await reader.patch(path, { expirationDateTime: minutesAhead(-1) }), 400)
  assertError(await reader.patch(path, { expirationDateTime: null }), 400)
  assertError(await reader.patch(path, { lifecycleNotificationUrl: receiver.origin }), 400)
  receiver.behave(() => ({ status: 500 }))
  assertError(await reader.patch(path, { notificationUrl: `${receiver.origin}/elsewhere` }), 400)
  assert.equal((await reader.get(path)).body.notificationUrl, receiver.origin)
})

tenantTestOnEach('above the quota it is 403, and the endpoint is not called', async (tenant, cordon, t) => {
  const receiver = await startReceiver(t)
  const reader = await tenant.as('reader')
  const { id } = await subscribe(reader, receiver.origin)
  await cordon.store.transaction(async (tx) => {
    const row = await tx.selectFrom('subscriptions').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    const copies = Array.from({ length: quotas.owner - 1 }, (_, at) => ({ ...row, id: `copy-${at}` }))
    await tx.insertInto('subscriptions').values(copies).execute()
  })
  const calls = receiver.received.length

  const reply = await reader.post('/v1.0/subscriptions', subscriptionBody(receiver.origin))
  const other = await cordon.as('reader', tenant.id)

  assertError(reply, 403, { code: 'Forbidden', message: /quota/ })
  assert.equal(receiver.received.length, calls)
  assert.equal((await other.post('/v1.0/subscriptions', subscriptionBody(receiver.origin))).status, 201)
})
