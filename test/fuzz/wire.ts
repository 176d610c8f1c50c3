import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { FuzzAnswer } from './judge.ts'

/** One connection that is kept for as long as the server keeps it. */
export interface Connection {
  readonly isOpen: boolean
  /**
   * Writes one request and reads its answer.
   * @returns null when the server closed the connection without one, or has not answered after `patienceMs`
   */
  exchange(bytes: string, isHead: boolean, patienceMs: number): Promise<FuzzAnswer | null>
  close(): void
}

/** Connects to a server on loopback. */
export async function openConnection(port: number): Promise<Connection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  // What is left of a connection that broke is told by its close.
  socket.on('error', () => undefined)
  return {
    get isOpen() {
      return socket.writable && !socket.destroyed
    },
    exchange: (bytes, isHead, patienceMs) => exchange(socket, bytes, isHead, patienceMs),
    close: () => socket.destroy(),
  }
}

function exchange(socket: Socket, bytes: string, isHead: boolean, patienceMs: number): Promise<FuzzAnswer | null> {
  return new Promise((resolve) => {
    let received: Buffer = Buffer.alloc(0)
    const finish = (answer: FuzzAnswer | null): void => {
      clearTimeout(timer)
      socket.off('data', read)
      socket.off('close', close)
      if (answer === null || answer.headers.connection === 'close') socket.destroy()
      resolve(answer)
    }
    const read = (chunk: Buffer): void => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      const answer = readAnswer(received, isHead)
      if (answer !== null) finish(answer)
    }
    const close = (): void => finish(null)
    const timer = setTimeout(close, patienceMs)
    socket.on('data', read)
    socket.on('close', close)
    socket.write(Buffer.from(bytes, 'latin1'))
  })
}

/** The first final answer in the bytes; null while it is not whole. */
function readAnswer(bytes: Buffer, isHead: boolean): FuzzAnswer | null {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return null
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const status = Number(statusLine.split(' ')[1])
  const rest = bytes.subarray(end + 4)
  // 100 Continue comes before the answer.
  if (status < 200) return readAnswer(rest, isHead)
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  if (isHead || status === 204 || status === 304) return { status, headers, text: '' }
  if (headers['transfer-encoding'] === 'chunked') return readChunked(status, headers, rest)
  const length = Number(headers['content-length'])
  if (Number.isNaN(length)) throw new Error(`an answer without a length: ${statusLine}`)
  return rest.length < length ? null : { status, headers, text: rest.toString('utf8', 0, length) }
}

function readChunked(status: number, headers: Record<string, string>, bytes: Buffer): FuzzAnswer | null {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return null
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const next = lineEnd + 2 + size + 2
    if (Number.isNaN(size)) throw new Error(`a chunk without its size: ${bytes.toString('latin1', at, lineEnd)}`)
    if (bytes.length < next) return null
    if (size === 0) return { status, headers, text: Buffer.concat(parts).toString('utf8') }
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = next
  }
}
