import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Outbound } from '../../../io/outbound.ts'
import { DirectoryProblem, describeConnectFailure } from './problem.ts'
import { type LdapPlace, type LdapSettings, placeOf } from './settings.ts'

/** For each step: resolving, connecting, TLS. */
const stepMs = 10_000
const usualPorts = [389, 636]
/** A whole session reads little; more is no directory's answer to what is asked. */
const maxSessionBytes = 4 * 1024 * 1024

/**
 * Connects to a directory: to an address the outbound rules let through, and with a certificate that is good for its name. Nothing but the
 * StartTLS request ever goes out unencrypted.
 * @throws DirectoryProblem transient
 */
export async function connectSecurely(outbound: Outbound, settings: LdapSettings): Promise<TLSSocket> {
  const place = placeOf(settings)
  const { host, port } = place
  const addresses = await outbound.locate({ host, port, usualPorts, timeoutMs: stepMs })
  if ('failed' in addresses) throw describeLocateFailure(place, addresses)
  let last: unknown
  for (const { address } of addresses) {
    try {
      return await connectTo(address, place, settings)
    } catch (cause) {
      last = cause
    }
  }
  throw last
}

function describeLocateFailure(
  { address }: LdapPlace,
  { failed, reason }: { readonly failed: string; readonly reason: string },
): DirectoryProblem {
  const forbidden = failed === 'refused'
  return new DirectoryProblem({
    code: forbidden ? 'AddressForbidden' : 'Unreachable',
    failureClass: 'transient',
    detail: `${address}: ${reason}`,
    setting: 'url',
    fix: forbidden
      ? 'Start the server with --outbound-allow NETWORK:PORT for this directory, e.g. 10.1.2.0/24:636.'
      : 'Correct the host name, or the name server of this machine.',
  })
}

async function connectTo(address: string, place: LdapPlace, settings: LdapSettings): Promise<TLSSocket> {
  const plain = connectTcp({ host: address, port: place.port })
  plain.on('error', () => {})
  try {
    await whenReady(plain, 'connect', place)
    if (place.startTls) await askForTls(plain, place)
    const socket = connectTls({
      socket: plain,
      minVersion: 'TLSv1.2',
      // The name is checked against the certificate also where it is an address, which no SNI may carry.
      host: place.host,
      ...(isIP(place.host) === 0 ? { servername: place.host } : {}),
      ...(settings.ca === null ? {} : { ca: settings.ca }),
    })
    await whenReady(socket, 'secureConnect', place)
    // Whoever uses it hears of its end; an error nobody listens to would end the process.
    socket.on('error', () => {})
    let received = 0
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
      if (received > maxSessionBytes) socket.destroy(new Error('the directory answered more than was asked'))
    })
    return socket
  } catch (cause) {
    plain.destroy()
    throw cause
  }
}

function whenReady(socket: Socket, event: 'connect' | 'secureConnect', place: LdapPlace): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: unknown): void => {
      clearTimeout(timer)
      socket.removeListener('error', end)
      socket.removeListener('close', closed)
      if (error === undefined) resolve()
      else reject(describeConnectFailure(readCode(error), place.address, error))
    }
    const closed = (): void => end(Object.assign(new Error('closed'), { code: 'ECONNRESET' }))
    const timer = setTimeout(() => {
      end(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' }))
      socket.destroy()
    }, stepMs)
    socket.once('error', end)
    socket.once('close', closed)
    socket.once(event, () => end())
  })
}

function readCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return 'EUNKNOWN'
}

/** An extended request of that name, as message 1. @source RFC 4511 4.14 */
const startTlsOid = '1.3.6.1.4.1.1466.20037'
const startTlsRequest = Buffer.concat([
  Buffer.from([0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16]),
  Buffer.from(startTlsOid, 'ascii'),
])

/**
 * Asks for TLS on a plain connection. Exactly one answer may come, and nothing behind it: what somebody puts there would otherwise be read
 * as if it had come encrypted.
 */
async function askForTls(socket: Socket, place: LdapPlace): Promise<void> {
  const answer = await new Promise<Buffer>((resolve, reject) => {
    let read = Buffer.alloc(0)
    const end = (problem: DirectoryProblem | null): void => {
      clearTimeout(timer)
      socket.removeListener('data', take)
      socket.removeListener('close', closed)
      socket.pause()
      if (problem === null) resolve(read)
      else reject(problem)
    }
    const take = (chunk: Buffer): void => {
      read = Buffer.concat([read, chunk])
      const whole = sizeOf(read)
      if (read.length > 4096 || whole === 0) end(refused(place, 'the port does not speak LDAP.'))
      else if (whole !== null && read.length >= whole) end(null)
    }
    const closed = (): void => end(refused(place, 'the directory ended the connection.'))
    const timer = setTimeout(() => end(refused(place, 'the directory did not answer the request for TLS.')), stepMs)
    socket.on('data', take)
    socket.once('close', closed)
    socket.write(startTlsRequest)
  })
  const code = answer.length === sizeOf(answer) ? readStartTlsResult(answer) : null
  if (code === 0) return
  const what = code === null ? 'the answer is none' : `the directory refused (LDAP result ${code})`
  throw refused(place, `${what}.`)
}

function refused({ address }: LdapPlace, detail: string): DirectoryProblem {
  return new DirectoryProblem({
    code: 'StartTlsRefused',
    failureClass: 'transient',
    detail: `${address}: StartTLS failed: ${detail}`,
    setting: 'url',
    fix: 'Give the directory a certificate (TLSCertificateFile, TLSCertificateKeyFile), or use ldaps:// with its port.',
  })
}

/** Bytes of the BER element at the start; null while too few are there to tell, 0 when it is none. */
function sizeOf(bytes: Buffer): number | null {
  const [tag, first] = bytes
  if (tag === undefined || first === undefined) return null
  if (tag !== 0x30) return 0
  if (first < 0x80) return 2 + first
  const count = first - 0x80
  if (count < 1 || count > 4) return 0
  return bytes.length < 2 + count ? null : 2 + count + bytes.readUIntBE(2, count)
}

/** The result code of the extended response to message 1; null when it is something else. */
function readStartTlsResult(answer: Buffer): number | null {
  const first = answer[1] ?? 0
  const at = first < 0x80 ? 2 : 2 + (first - 0x80)
  if (answer.subarray(at, at + 3).compare(Buffer.from([0x02, 0x01, 0x01])) !== 0) return null
  if (answer[at + 3] !== 0x78) return null
  const length = answer[at + 4] ?? 0
  const body = at + 5 + (length < 0x80 ? 0 : length - 0x80)
  return answer[body] === 0x0a && answer[body + 1] === 1 ? (answer[body + 2] ?? null) : null
}
