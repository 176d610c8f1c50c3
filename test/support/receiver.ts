import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/io/clock.ts'
import { loadTls, type TlsFiles } from '../../src/io/tls.ts'
import { type Ending, onEnd } from './cleanup.ts'
import type { Reply } from './cordon.ts'

/** A request as a receiver got it. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly contentType: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The body as JSON; undefined when it is none. */
  readonly body: Reply['body']
}

/** What a receiver does with a request: an answer, or nothing at all. */
export type Behaviour = (request: Received) => ReceiverAnswer | 'hang'

export interface ReceiverAnswer {
  readonly status: number
  readonly text?: string
  readonly headers?: Record<string, string>
}

/**
 * An endpoint somebody else runs: https with a certificate of a CA that only the test knows, on a loopback address that nothing else uses, so
 * that a server which may reach it still may not reach `localhost`.
 */
export interface Receiver {
  /** `https://127.0.0.2:PORT` */
  readonly origin: string
  readonly port: number
  readonly received: Received[]
  /** Connections that were opened, TLS or not. */
  readonly connections: () => number
  /** How it answers from now on; at first it plays its part in everything. */
  behave(behaviour: Behaviour): void
  /** The notifications in what it received, in order. */
  notifications(): Reply['body'][]
}

/** The part of a well-behaved receiver: validation tokens back, 202 for notifications. */
export const playAlong: Behaviour = ({ query }) => {
  const token = query.get('validationToken')
  return token === null
    ? { status: 202 }
    : { status: 200, text: token, headers: { 'Content-Type': 'text/plain; charset=utf-8' } }
}

/** Receivers that do not play their part in the handshake. */
export const misbehaviours: Readonly<Record<'wrongEcho' | 'hang', Behaviour>> = {
  /** Sends back something else than the token. */
  wrongEcho: () => ({ status: 200, text: 'Validation: of something else', headers: { 'Content-Type': 'text/plain' } }),
  /** Never answers. */
  hang: () => 'hang',
}

let tls: Promise<TlsFiles> | null = null

/** The certificate of every receiver of this process; its `ca` is what a server has to trust. */
export async function receiverTls(): Promise<TlsFiles> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-receiver-'))
  tls ??= loadTls(folder, ['localhost', '127.0.0.2'], systemClock)
  const files = await tls
  rmSync(folder, { recursive: true, force: true })
  return files
}

/** Starts a receiver; it ends with the test. */
export async function startReceiver(t: Ending): Promise<Receiver> {
  const { cert, key } = await receiverTls()
  const received: Received[] = []
  let behaviour = playAlong
  let opened = 0
  const server: Server = createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      const url = new URL(request.url ?? '/', 'https://localhost')
      const contentType = request.headers['content-type'] ?? ''
      const body: Reply['body'] = contentType.startsWith('application/json') ? JSON.parse(text) : undefined
      const method = request.method ?? ''
      const { headers } = request
      const entry = { method, path: url.pathname, query: url.searchParams, contentType, headers, text, body }
      received.push(entry)
      const answer = behaviour(entry)
      if (answer !== 'hang') response.writeHead(answer.status, answer.headers).end(answer.text)
    })
  })
  server.on('connection', () => {
    opened += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve))
  onEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `https://127.0.0.2:${port}`,
    port,
    received,
    connections: () => opened,
    behave: (next) => {
      behaviour = next
    },
    notifications: () => received.flatMap((request) => request.body?.value ?? []),
  }
}
