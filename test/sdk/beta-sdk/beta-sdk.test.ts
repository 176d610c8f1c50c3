import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ActionType, actionKinds } from '../../../src/model/actions.ts'
import { concreteTypesOf, propertiesOf } from '../../../src/model/edm.ts'
import type { Reply } from '../../support/cordon.ts'
import { giveTenant } from '../../support/given.ts'
import { shareCordon } from '../../support/shared-cordon.ts'
import type { SdkAction, SdkInput } from './input.ts'
import { asModel, dropHollow, listEvidence } from './samples.ts'

/** What the SDK was given and what it saw. */
interface Run {
  readonly input: SdkInput
  readonly incidents: readonly string[]
  /** The alert with evidence of every type, as it was answered when it was sent. */
  readonly sent: Reply
  /** Asks the server as the SDK's application. */
  readonly read: (path: string) => Promise<Reply>
  // biome-ignore lint/suspicious/noExplicitAny: each step reports something of its own
  readonly steps: (name: string) => any[]
}

let started: Promise<Run> | undefined

/** The SDK goes through all its steps once, in a process of its own; the tests look at what came out. */
function runOnce(): Promise<Run> {
  started ??= run()
  return started
}

async function run(): Promise<Run> {
  const cordon = await shareCordon()
  const tenant = await giveTenant(cordon)
  const incidents: string[] = []
  for (let index = 0; index < 5; index++) {
    incidents.push(await tenant.incident({ createdDateTime: `2026-01-0${index + 1}T00:00:00.0000000Z` }))
  }
  const [incident = ''] = incidents
  await tenant.alert(incident, { title: 'Known bad address' })
  const expert = await tenant.as('expert')
  const alert = { title: 'Everything', severity: 'low', evidence: listEvidence() }
  const sent = await expert.post('/v1.0/security/alerts_v2', alert)
  assert.equal(sent.status, 201, sent.text)
  const running = await tenant.task(incident)
  // The turn of the device is taken, so the task's action stays under way.
  await tenant.execution(running, 'running', { targetKey: 'device:web-07' })
  const input: SdkInput = {
    url: cordon.url,
    tenant: tenant.id,
    ...(await cordon.createClient('expert', tenant.id)),
    incident,
    alert: sent.body.id,
    task: await tenant.task(incident),
    actions: listActions(),
  }
  const lines = (await runClient(input, cordon.caPath)).trimEnd().split('\n')
  const reports = lines.map((line): { step: string; result: unknown } => JSON.parse(line))
  const steps: Run['steps'] = (name) => reports.filter(({ step }) => step === name).map(({ result }) => result)
  return { input, incidents: [...incidents, sent.body.incidentId], sent, read: (path) => expert.get(path), steps }
}

function listActions(): SdkAction[] {
  const types = Object.keys(actionKinds) as ActionType[]
  return types.flatMap((actionType) => {
    const { responseActionType } = actionKinds[actionType]
    if (responseActionType === null) return []
    const odataType = `#microsoft.graph.security.${responseActionType}`
    const responseAction = {
      odataType,
      identifierValue: `target of ${actionType}`,
      ...(actionType === 'isolateDevice' ? { isolationType: 'selective' } : {}),
      ...(actionType === 'stopAndQuarantineFile' ? { deviceId: 'device-7' } : {}),
    }
    return [{ actionType, responseAction }]
  })
}

async function runClient(input: SdkInput, caPath: string): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'client.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_EXTRA_CA_CERTS: caPath },
  })
  child.stdin.end(JSON.stringify(input))
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.equal(code, 0, text.slice(-1_000))
  return text
}

test('the page iterator of the SDK walks every incident once', async () => {
  const { incidents, steps } = await runOnce()

  const [walked] = steps('incidents')

  assert.deepEqual(walked, incidents)
})

test('a whole incident that the SDK sends back changes only what differs', async () => {
  const { input, read, steps } = await runOnce()
  const [before] = steps('incident')

  const [after] = steps('incident after')
  const stored = (await read(`/beta/security/incidents/${input.incident}?$expand=alerts`)).body

  assert.equal(before.alerts[0].title, 'Known bad address')
  assert.deepEqual(Object.keys(before.additionalData), ['@odata.context'])
  assert.equal(after.status, 'inProgress')
  assert.deepEqual(after.customTags, ['kiota'])
  assert.equal(stored.severity, before.severity)
  assert.equal(stored.displayName, before.displayName)
  assert.equal(stored.createdDateTime, '2026-01-01T00:00:00.0000000Z')
  assert.equal(stored.alerts.length, 1)
  assert.equal(stored.comments.at(-1).comment, 'from Kiota')
})

test('the SDK sends and reads each of the 14 response action types, and their base type, as the model of that type', async () => {
  const { input, read, steps } = await runOnce()

  const tasks = steps('task')

  assert.deepEqual(
    tasks.map(({ actionType }) => actionType),
    input.actions.map(({ actionType }) => actionType),
  )
  assert.equal(new Set(tasks.map(({ chosen }) => chosen)).size, 15)
  for (const [index, { read: task, made, chosen }] of tasks.entries()) {
    const { actionType, responseAction } = input.actions[index] ?? assert.fail()
    const name = responseAction.odataType.split('.').at(-1) ?? ''
    assert.equal(chosen.toLowerCase(), `deserializeInto${name}`.toLowerCase())
    assert.deepEqual(task.responseAction, responseAction)
    assert.deepEqual(made.responseAction, responseAction)
    assert.equal(task.actionType, actionType)
    assert.equal(task.incident.displayName, 'Suspicious sign-in')
    assert.deepEqual(Object.keys(task.additionalData), ['@odata.context'])
    const { '@odata.type': type, ...rest } = (await read(`/beta/security/incidentTasks/${task.id}`)).body.responseAction
    assert.deepEqual({ odataType: type, ...rest }, responseAction)
  }
})

test('the SDK reads evidence of every type as the model of that type, every property typed', async () => {
  const { sent, steps } = await runOnce()
  const types = concreteTypesOf('alertEvidence')

  const [alert] = steps('alert')

  assert.equal(alert.evidence.length, types.length)
  for (const [index, evidence] of alert.evidence.entries()) {
    const expected = dropHollow(asModel('alertEvidence', sent.body.evidence[index]))
    assert.deepEqual(dropHollow(evidence), expected, types[index])
  }
})

/** The SDK writes cloudResource by the serializer of its base type, which knows only the properties of all evidence. */
function withoutOwnOfCloudResource(evidence: unknown): unknown {
  const inherited = new Set(['odataType', ...propertiesOf('alertEvidence').map(({ name }) => name)])
  return JSON.parse(JSON.stringify(evidence), (name, value) =>
    name === 'cloudResource' ? Object.fromEntries(Object.entries(value).filter(([key]) => inherited.has(key))) : value,
  )
}

test('evidence of every type that the SDK sends is stored as it was read', async () => {
  const { steps } = await runOnce()
  const [alert] = steps('alert')

  const [copy] = steps('copy')

  assert.notEqual(copy.id, alert.id)
  assert.equal(copy.evidence.length, concreteTypesOf('alertEvidence').length)
  for (const [index, evidence] of copy.evidence.entries()) {
    const original = withoutOwnOfCloudResource(dropHollow(alert.evidence[index]))
    assert.deepEqual(withoutOwnOfCloudResource(dropHollow(evidence)), original)
  }
})

test('the SDK changes an alert and adds a list of comments to it', async () => {
  const { input, read, steps } = await runOnce()

  const [copy] = steps('copy')

  assert.equal(copy.status, 'inProgress')
  assert.deepEqual(
    copy.comments.map(({ comment }: { comment: string }) => comment),
    ['one', 'two'],
  )
  assert.equal((await read(`/v1.0/security/alerts_v2/${input.alert}`)).body.status, 'new')
})

test('the SDK executes a task by the qualified name of the action, and a refusal comes as its ODataError', async () => {
  const { steps } = await runOnce()

  const [{ actionStatus, again }] = steps('executed')

  assert.equal(actionStatus, 'inProgress')
  assert.equal(again.responseStatusCode, 400)
  assert.equal(again.errorEscaped.code, 'BadRequest')
  assert.equal(again.errorEscaped.message, 'Response action is already in progress.')
  assert.match(again.errorEscaped.innerError.requestId, /^[0-9a-f-]{36}$/)
})

test('the SDK changes an incident in a batch', async () => {
  const { input, read, steps } = await runOnce()

  const [statuses] = steps('batch')

  assert.deepEqual(statuses, [200, 200])
  assert.equal((await read(`/v1.0/security/incidents/${input.incident}`)).body.summary, 'from a batch')
})
