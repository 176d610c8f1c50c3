import { once } from 'node:events'
import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import type { Cordon } from '../support/cordon.ts'
import { startStopwatch } from '../support/stopwatch.ts'
import type { Bytes } from './case-file.ts'
import { openOurs } from './outbound.ts'

/** A request as bytes, so that nothing on our side tidies it up. */
export interface WireRequest {
  readonly method: string
  readonly target: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Bytes | null
}

/** The first answer on a connection. */
export interface WireAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
  /** The body as JSON; undefined when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape are looked into
  readonly json: any
  /** From the last byte written to the last byte read. */
  readonly tookMs: number
  /** What this process, the server in it, reckoned meanwhile: a busy machine makes it no longer. */
  readonly reckonedMs: number
}

const deadlineMs = 60_000
const trickleMs = 2_000

/** Encodes of a readable target only what may not stand in one; every `%` stays as it is. */
export function encodeTarget(text: string): string {
  return text.replaceAll(/[\s"<>`\\^{}|]|[^\x20-\x7e]/gu, (character) => encodeURIComponent(character))
}

/** Sends one request on a connection of its own and reads one answer. */
export async function exchange(cordon: Cordon, request: WireRequest, localAddress?: string): Promise<WireAnswer> {
  const { method, target, headers, body } = request
  const names = new Set(headers.map(([name]) => name.toLowerCase()))
  const all = [...(names.has('host') ? [] : [['Host', new URL(cordon.url).host] as const]), ...headers]
  if (body !== null && !names.has('content-length')) all.push(['Content-Length', String(body.length)])
  if (!names.has('connection')) all.push(['Connection', 'close'])
  const head = all.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const socket = await open(cordon, localAddress)
  const answer = readAnswer(socket, method === 'HEAD')
  // A connection that breaks while the body is written ends both; one of them is told of it.
  answer.catch(() => undefined)
  socket.write(Buffer.from(`${method} ${encodeTarget(target)} HTTP/1.1\r\n${head}\r\n`, 'latin1'))
  if (body !== null) await writeBody(socket, body)
  return answer
}

/** Writes bytes as they are and reads one answer. */
export async function exchangeRaw(cordon: Cordon, bytes: string): Promise<WireAnswer> {
  const socket = await open(cordon)
  const answer = readAnswer(socket, false)
  socket.write(Buffer.from(bytes, 'latin1'))
  return answer
}

/**
 * Writes the beginning of a request and then a byte every two seconds, until the server has had enough. The bytes are its clock: what stands
 * still with a busy machine does not count.
 */
export async function openSlowly(cordon: Cordon, beginning: string): Promise<{ readonly answer: Promise<WireAnswer> }> {
  const socket = await open(cordon)
  let bytes = 0
  const answer = readAnswer(socket, false)
  socket.write(Buffer.from(beginning, 'latin1'))
  const trickle = setInterval(() => {
    bytes += 1
    if (socket.writable) socket.write('a')
  }, trickleMs)
  const lasted = answer.then((whole) => ({ ...whole, tookMs: bytes * trickleMs }))
  return { answer: lasted.finally(() => clearInterval(trickle)) }
}

async function open(cordon: Cordon, localAddress?: string): Promise<TLSSocket> {
  const { port, hostname } = new URL(cordon.url)
  const from = localAddress === undefined ? {} : { localAddress, host: '127.0.0.1' }
  const name = isIP(hostname) === 0 ? { servername: hostname } : {}
  const options = { host: hostname, ...from, ...name, port: Number(port), ca: cordon.ca }
  const socket = openOurs(() => connect(options))
  await once(socket, 'secureConnect')
  return socket
}

/** Stops where the server has answered already: it need not take what it refused. */
async function writeBody(socket: TLSSocket, body: Bytes): Promise<void> {
  let isAnswered = false
  socket.once('data', () => {
    isAnswered = true
  })
  for (const piece of body.pieces()) {
    if (isAnswered || !socket.writable) return
    if (!socket.write(piece)) await untilWritable(socket)
  }
}

function untilWritable(socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.once('drain', done)
    socket.once('close', done)
  })
}

function readAnswer(socket: TLSSocket, isHead: boolean): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let [startedAt, watch] = [performance.now(), startStopwatch()]
    const timer = setTimeout(() => finish(new Error('no answer in time')), deadlineMs)
    const finish = (failure?: Error): void => {
      clearTimeout(timer)
      socket.destroy()
      const [tookMs, reckonedMs] = [performance.now() - startedAt, watch.ms()]
      const answer = parseAnswer(Buffer.concat(chunks), isHead)
      if (answer?.isWhole) resolve({ ...answer.answer, tookMs, reckonedMs })
      else reject(failure ?? new Error('the connection ended before a whole answer'))
    }
    socket.on('drain', () => {
      ;[startedAt, watch] = [performance.now(), startStopwatch()]
    })
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if (parseAnswer(Buffer.concat(chunks), isHead)?.isWhole) finish()
    })
    socket.on('error', finish)
    socket.on('close', () => finish())
  })
}

function parseAnswer(
  bytes: Buffer,
  isHead: boolean,
): { answer: Omit<WireAnswer, 'tookMs' | 'reckonedMs'>; isWhole: boolean } | null {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return null
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.replace(/^[^:]*:\s*/, '')]),
  )
  const status = Number(statusLine.split(' ')[1])
  const rest = bytes.subarray(end + 4)
  const length = headers.get('content-length')
  const isEmpty = isHead || status === 204 || status === 304
  const isChunked = headers.get('transfer-encoding') === 'chunked'
  const body = isChunked ? joinChunks(rest) : rest.subarray(0, Number(length ?? rest.length))
  const isWhole =
    isEmpty || (isChunked ? rest.includes('0\r\n\r\n') : length !== undefined && body.length === Number(length))
  const text = body.toString('utf8')
  const isJson = headers.get('content-type')?.startsWith('application/json') && isWhole && text !== ''
  return { answer: { status, headers, text, json: isJson ? JSON.parse(text) : undefined }, isWhole }
}

function joinChunks(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const size = lineEnd < 0 ? 0 : Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16)
    if (!(size > 0)) return Buffer.concat(parts)
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
}
