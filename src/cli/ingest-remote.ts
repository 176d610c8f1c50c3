import { request as httpRequest } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { IntakeReport, RejectedRecord } from '../intake/intake.ts'
import type { Source } from '../intake/normalised.ts'
import { openRecords } from '../intake/reading/records.ts'
import { CordonError } from '../model/errors.ts'

/** A server to send to. */
export interface RemoteServer {
  /** Its origin, e.g. `https://localhost:8443`. */
  readonly url: string
  /** Id or domain; `organizations` stands for the client's own. */
  readonly tenant: string
  readonly clientId: string
  readonly clientSecret: string
  /** PEM of the CA certificate to trust beside the system's. */
  readonly ca: string | null
}

/** What one answer brings. */
interface Reply {
  readonly status: number
  readonly retryAfterSeconds: number
  readonly body: unknown
}

const maxBatchRecords = 1_000
const maxBatchCharacters = 4 * 1_048_576
const maxAttempts = 8
const requestTimeoutMs = 120_000

const compress = promisify(gzip)

/** Sends records to a server in gzipped batches; as {@link openIntake}, but over HTTP. */
export interface RemoteIntake {
  push(chunk: Buffer): Promise<void>
  end(): Promise<IntakeReport>
  report(): IntakeReport
  close(): void
}

/**
 * Opens an intake over HTTP. Records that cannot be read are rejected here, with their lines; what the server rejects is told by the lines
 * of the file. A busy server (429, 503) is asked again after the time it names.
 * @throws CordonError (from `push` and `end`) ServiceUnavailable when the server cannot be reached or stays busy, Forbidden and
 *   InvalidAuthenticationToken for its refusals
 */
export function openRemoteIntake(server: RemoteServer, source: Source): RemoteIntake {
  const reader = openRecords(source)
  const agent = new Agent({ keepAlive: true, ...(server.ca === null ? {} : { ca: server.ca }) })
  const total = { accepted: 0, duplicates: 0, ignored: 0, rejectedCount: 0, incidentsOpened: 0, incidentsMerged: 0 }
  const rejected: RejectedRecord[] = []
  let lines: { line: number; text: string }[] = []
  let characters = 0
  let token: string | null = null

  const refuse = (line: number, error: string): void => {
    total.rejectedCount += 1
    if (rejected.length < 1_000) rejected.push({ line, error })
  }
  const flush = async (): Promise<void> => {
    if (lines.length === 0) return
    const batch = lines
    lines = []
    characters = 0
    const body = await compress(batch.map(({ text }) => text).join('\n'))
    token ??= await fetchToken(server, agent)
    let reply = await sendBatch(server, agent, source, token, body)
    if (reply.status === 401) {
      token = await fetchToken(server, agent)
      reply = await sendBatch(server, agent, source, token, body)
    }
    const answer = readAnswer(reply)
    total.accepted += answer.accepted
    total.duplicates += answer.duplicates
    total.ignored += answer.ignored
    total.incidentsOpened += answer.incidentsOpened
    total.incidentsMerged += answer.incidentsMerged
    for (const { line, error } of answer.rejected) refuse(batch[line - 1]?.line ?? 0, error)
  }
  const take = async (records: ReturnType<typeof reader.push>): Promise<void> => {
    for (const record of records) {
      if ('error' in record) {
        refuse(record.line, record.error)
        continue
      }
      const text = JSON.stringify(record.value)
      lines.push({ line: record.line, text })
      characters += text.length
      if (lines.length >= maxBatchRecords || characters >= maxBatchCharacters) await flush()
    }
  }
  const report = (): IntakeReport => ({ ...total, rejected: [...rejected] })
  return {
    push: async (chunk) => take(reader.push(chunk)),
    end: async () => {
      await take(reader.end())
      await flush()
      return report()
    },
    report,
    close: () => agent.destroy(),
  }
}

async function fetchToken(server: RemoteServer, agent: Agent): Promise<string> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: server.clientId,
    client_secret: server.clientSecret,
    scope: `${server.url}/.default`,
  })
  const path = `/${encodeURIComponent(server.tenant)}/oauth2/v2.0/token`
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const reply = await sendPatiently(server, agent, path, headers, Buffer.from(form.toString()))
  const token = textOf(reply.body, 'access_token')
  if (reply.status === 200 && token !== null) return token
  const reason = textOf(reply.body, 'error_description') ?? `HTTP ${reply.status}`
  throw new CordonError('InvalidAuthenticationToken', `The server gave no token: ${reason}`)
}

function sendBatch(server: RemoteServer, agent: Agent, source: Source, token: string, body: Buffer): Promise<Reply> {
  return sendPatiently(
    server,
    agent,
    `/api/v1/intake/${source.name}`,
    {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/x-ndjson',
      'Content-Encoding': 'gzip',
    },
    body,
  )
}

/** Sends until the server is not busy; a batch sent twice is stored once. */
async function sendPatiently(
  server: RemoteServer,
  agent: Agent,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Promise<Reply> {
  for (let attempt = 1; ; attempt++) {
    const reply = await send(server, agent, path, headers, body)
    if ((reply.status !== 429 && reply.status !== 503) || attempt >= maxAttempts) return reply
    await setTimeout(Math.min(60, Math.max(1, reply.retryAfterSeconds)) * 1000)
  }
}

function send(
  server: RemoteServer,
  agent: Agent,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Promise<Reply> {
  const url = new URL(path, server.url)
  const options = { method: 'POST', headers: { ...headers, 'Content-Length': body.length }, timeout: requestTimeoutMs }
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest(url, { ...options, agent }) : httpRequest(url, options)
    const fail = (cause: Error): void =>
      reject(new CordonError('ServiceUnavailable', `${server.url} cannot be reached: ${cause.message}`, { cause }))
    request.on('error', fail)
    request.on('timeout', () => request.destroy(new Error('it does not answer')))
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', fail)
      response.on('end', () => {
        const retryAfterSeconds = Number(response.headers['retry-after'] ?? 1) || 1
        const body = parseBody(Buffer.concat(chunks).toString('utf8'))
        resolve({ status: response.statusCode ?? 0, retryAfterSeconds, body })
      })
    })
    request.end(body)
  })
}

/** A proxy in between may answer with a page. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    return null
  }
}

type Answer = Omit<IntakeReport, 'rejectedCount'>

function readAnswer(reply: Reply): Answer {
  const { status, body } = reply
  if (status === 202 && isRecord(body)) {
    const rejected = Array.isArray(body.rejected) ? body.rejected.filter(isRecord) : []
    return {
      accepted: countOf(body.accepted),
      duplicates: countOf(body.duplicates),
      ignored: countOf(body.ignored),
      incidentsOpened: countOf(body.incidentsOpened),
      incidentsMerged: countOf(body.incidentsMerged),
      rejected: rejected.map(({ line, error }) => ({ line: countOf(line), error: String(error) })),
    }
  }
  const error = isRecord(body) && isRecord(body.error) ? textOf(body.error, 'message') : null
  const message = `The server answered ${status}${error === null ? '' : `: ${error}`}`
  throw new CordonError(status === 403 ? 'Forbidden' : 'ServiceUnavailable', message)
}

function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textOf(value: unknown, name: string): string | null {
  const text = isRecord(value) ? value[name] : undefined
  return typeof text === 'string' ? text : null
}
