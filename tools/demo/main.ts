import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { createLab, type Lab, SERVICE_PORT } from '../../test/support/netns.ts'
import { connectGraph, type GraphClient, readJson } from './graph.ts'
import { cordonCommand, runCordon, startServerProcess, stopProcess } from './processes.ts'
import { createSteps, formatTable, type Steps } from './steps.ts'

const alertFile = fileURLToPath(new URL('../../test/fixtures/data/ait-ads/russellmitchell.csv.xz', import.meta.url))
/** The host of the real alert file that the demo isolates. */
const hostName = 'webserver'

/** What is given back when the demo ends, last first. */
type Cleanup = () => unknown

async function main(): Promise<number> {
  const json = process.argv.includes('--json')
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    process.stderr.write('The demo makes network namespaces and real firewall rules: run it as root on Linux.\n')
    return 2
  }
  installMissing()
  const steps = createSteps(json)
  const cleanups: Cleanup[] = []
  const stop = (): void => {
    void cleanUp(cleanups).then(() => process.exit(130))
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    await play(steps, cleanups)
    return 0
  } catch {
    // The step that failed has said why.
    return 1
  } finally {
    await cleanUp(cleanups)
    if (!json) process.stdout.write(`\n${formatTable(steps.all)}\n`)
  }
}

async function cleanUp(cleanups: Cleanup[]): Promise<void> {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) {
    try {
      await cleanup()
    } catch (cause) {
      process.stderr.write(`clean-up: ${cause instanceof Error ? cause.message : String(cause)}\n`)
    }
  }
}

/** The demo needs two Debian packages that a small installation lacks. */
function installMissing(): void {
  const missing = [
    ['nftables', '/usr/sbin/nft'],
    ['iproute2', '/usr/sbin/ip'],
  ].flatMap(([name, file]) =>
    name && file && !existsSync(file) && !existsSync(file.replace('/usr', '')) ? [name] : [],
  )
  if (missing.length === 0) return
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  execFileSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore' })
  execFileSync('apt-get', ['install', '-y', '-qq', ...missing], { env, stdio: 'ignore' })
}

async function play(steps: Steps, cleanups: Cleanup[]): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'cordon-demo-'))
  cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }))
  const lab = await steps.step('two hosts: an endpoint and the internet', async () => {
    const made = await createLab({ after: (cleanup) => cleanups.push(cleanup), skip: (reason) => fail(reason) })
    if (!made) return fail('the lab cannot be made here')
    return { saw: `endpoint ${made.endpoint4}, internet ${made.internet4}`, value: made }
  })
  const server = await steps.step('a Cordon server over TLS', async () => {
    const started = await startServerProcess(dataDir, lab.control4)
    cleanups.push(() => stopProcess(started.child))
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(started.ca, 'utf8')])
    return { saw: started.url, value: started }
  })
  const { customer, expert, credentials } = await steps.step('an expert and a customer, as API clients', async () => {
    const made = await Promise.all([createClient('expert', dataDir), createClient('responder', dataDir)])
    const [first, second] = made
    return {
      saw: `expert ${first.clientId}, customer ${second.clientId}`,
      value: {
        expert: connectGraph(server.url, first),
        customer: connectGraph(server.url, second),
        credentials: second,
      },
    }
  })
  await steps.step('an agent enrolled on the endpoint', () => enrol(lab, server.url, server.ca, dataDir, cleanups))
  const incident = await steps.step('45,544 real alerts become incidents', async () => {
    const flags = ['--url', server.url, '--ca', server.ca, '--tenant', credentials.tenantId, '--json', '--quiet']
    const keys = ['--client-id', credentials.clientId, '--client-secret', credentials.clientSecret]
    const out = await runCordon('ingest', alertFile, '--source', 'ait-ads', ...flags, ...keys)
    const summary = readJson(out)
    return describeIncident(customer, summary)
  })
  await respond({ steps, lab, expert, customer, incidentId: incident, server: server.url })
}

async function createClient(role: string, dataDir: string): Promise<Credentials> {
  const out = await runCordon('client', 'create', '--name', `demo ${role}`, '--role', role, '--data', dataDir, '--json')
  const { tenantId, clientId, clientSecret } = readJson(out)
  return { tenantId: String(tenantId), clientId: String(clientId), clientSecret: String(clientSecret) }
}

interface Credentials {
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
}

async function enrol(
  lab: Lab,
  url: string,
  ca: string,
  dataDir: string,
  cleanups: Cleanup[],
): Promise<{ saw: string; value: undefined }> {
  const { token } = readJson(await runCordon('agent', 'token', '--data', dataDir, '--json'))
  const state = join(dataDir, 'endpoint')
  const flags = ['--server', url, '--token', String(token), '--ca', ca, '--state', state, '--name', hostName]
  const enrolled = await lab.exec(lab.endpoint, ...cordonCommand('agent', 'enroll', ...flags))
  if (enrolled.code !== 0) return fail(enrolled.stderr.trim())
  const probe = ['--probe', `${lab.internet4}:${SERVICE_PORT}`, `[${lab.internet6}]:${SERVICE_PORT}`]
  const agent = lab.start(lab.endpoint, ...cordonCommand('agent', 'run', '--state', state, ...probe))
  cleanups.push(() => stopProcess(agent))
  return { saw: `${hostName}: ${enrolled.stdout.trim()}`, value: undefined }
}

async function describeIncident(
  customer: GraphClient,
  summary: Record<string, unknown>,
): Promise<{ saw: string; value: string }> {
  const found = await customer
    .api('/security/incidents')
    .version('v1.0')
    .filter(`status eq 'active' and contains(displayName,'${hostName}')`)
    .orderby('priorityScore desc')
    .top(1)
    .expand('alerts($top=1;$count=true)')
    .get()
  const [incident] = found.value
  if (!incident) return fail('no incident was made')
  const alerts = incident['alerts@odata.count']
  const saw = `${summary.accepted} alerts in ${summary.seconds} s; first: incident ${incident.id}, ${incident.severity}, ${alerts} alerts, "${incident.displayName}"`
  return { saw, value: incident.id }
}

interface Scene {
  readonly steps: Steps
  readonly lab: Lab
  readonly expert: GraphClient
  readonly customer: GraphClient
  readonly incidentId: string
  readonly server: string
}

async function respond(scene: Scene): Promise<void> {
  const { steps, lab, expert, customer } = scene
  const task = await steps.step('the expert attaches an isolateDevice task', () =>
    proposeTask(expert, scene.incidentId),
  )
  await steps.step('before: the endpoint reaches the internet', () => expectTraffic(scene, true))
  await steps.step('the customer executes the task through the Graph SDK', async () => {
    const path = `/security/incidentTasks/${task}`
    await customer.api(`${path}/executeResponseAction`).version('beta').post(undefined)
    const done = await waitFor(async () => {
      const now = await customer.api(path).version('beta').get()
      return now.actionStatus === 'inProgress' ? null : now
    })
    if (done.actionStatus !== 'completed') return fail(`actionStatus ${done.actionStatus}, status ${done.status}`)
    return { saw: `204, then actionStatus ${done.actionStatus}, status ${done.status}`, value: undefined }
  })
  await steps.step('the proof of effect', async () => {
    const [run] = await readExecutions(scene, task)
    const proof = run?.result?.proof
    if (proof?.level !== 'observed') return fail('no observed proof')
    const checks = proof.checks.map((check: { name: string; got: string }) => `${check.name} ${check.got}`).join(', ')
    return { saw: `${proof.level} by ${proof.method}: ${checks}; ${proof.digest}`, value: undefined }
  })
  await steps.step('isolated: no internet, but still the server', () => expectTraffic(scene, false))
  await steps.step('undo', async () => {
    await customer.api(`${scene.server}/api/v1/tasks/${task}/undo`).post({})
    const undone = await waitFor(async () => {
      const [newest] = await readExecutions(scene, task)
      return newest?.kind === 'undo' && newest.finishedAt ? newest : null
    })
    if (undone.state !== 'succeeded') return fail(`the undo ended ${undone.state}: ${undone.reason}`)
    return { saw: `execution ${undone.id} took back ${undone.undoes}: ${undone.state}`, value: undefined }
  })
  await steps.step('after: traffic flows again', () => expectTraffic(scene, true))
  await steps.step('nothing of ours is left in the firewall', async () => {
    const rules = await lab.listRuleset(lab.endpoint)
    return rules.includes('cordon') ? fail(rules) : { saw: 'no table of ours', value: undefined }
  })
}

async function proposeTask(expert: GraphClient, incidentId: string): Promise<{ saw: string; value: string }> {
  const created = await expert
    .api('/security/incidentTasks')
    .version('beta')
    .post({
      displayName: `Isolate ${hostName}`,
      description: 'It was scanned and carries a web shell. Isolation keeps the attacker from moving on.',
      actionType: 'isolateDevice',
      incident: { id: incidentId },
      responseAction: {
        '@odata.type': '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction',
        identifierValue: hostName,
        isolationType: 'full',
      },
    })
  const incident = await expert
    .api(`/security/incidents/${incidentId}`)
    .version('v1.0')
    .header('Prefer', 'include-unknown-enum-members')
    .get()
  if (incident.status !== 'awaitingAction') return fail(`the incident is ${incident.status}`)
  return { saw: `task ${created.id} ${created.status}; the incident is ${incident.status}`, value: created.id }
}

async function expectTraffic(scene: Scene, open: boolean): Promise<{ saw: string; value: undefined }> {
  const { lab } = scene
  const [internet, server] = await Promise.all([
    lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT),
    lab.reaches(lab.endpoint, lab.control4, Number(new URL(scene.server).port)),
  ])
  const saw = `endpoint -> internet ${internet ? 'reached' : 'blocked'}, endpoint -> server ${server ? 'reached' : 'blocked'}`
  return internet === open && server ? { saw, value: undefined } : fail(saw)
}

// biome-ignore lint/suspicious/noExplicitAny: the demo looks into answers as a reader would
async function readExecutions(scene: Scene, task: string): Promise<any[]> {
  return (await scene.customer.api(`${scene.server}/api/v1/tasks/${task}/executions`).get()).value
}

async function waitFor<T>(look: () => Promise<T | null>): Promise<T> {
  const deadline = Date.now() + 30_000
  while (Date.now() < deadline) {
    const found = await look()
    if (found !== null) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return fail('nothing happened within 30 s')
}

function fail(message: string): never {
  throw new Error(message)
}

process.exitCode = await main()
