import { createPrivateKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import { isIP, isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock } from './clock.ts'
import { makePrivateFolder, readIfPresent, readOrMake, replaceFile } from './key-files.ts'

/** What an HTTPS server needs, and what its clients must trust. */
export interface TlsFiles {
  /** PEM of the server certificate. */
  readonly cert: string
  /** PEM of its private key (PKCS #8). */
  readonly key: string
  /** PEM of the local CA's certificate. */
  readonly ca: string
  /** Where clients find the CA's certificate: `DIR/tls/ca.crt`. */
  readonly caPath: string
}

const dayMs = 24 * 3_600_000
/** Public CAs may go no further, and some clients apply the limit to every certificate. */
const serverLifeDays = 397
const caLifeDays = 3_652
const renewBeforeDays = 30

const generate = promisify(generateKeyPair)

/**
 * Loads the local CA and the server certificate from `DIR/tls`, making what is absent. The server certificate names localhost, both
 * loopback addresses, this host and `names`; it is issued anew when that list changed or when it ends within 30 days. The certificate
 * library is loaded only when something has to be issued. May be called again while the server runs, to renew.
 * @param names further DNS names, IP addresses or `https://` origins; anything that is neither is left out, as are wildcard addresses
 * @throws Error when a file cannot be read or written, or when a private key is open to other users
 */
export async function loadTls(dataDir: string, names: readonly string[], clock: Clock): Promise<TlsFiles> {
  await makePrivateFolder(dataDir)
  const folder = join(dataDir, 'tls')
  // Clients of other users read ca.crt; the keys in here are 0600 on their own.
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o755)
  const caPath = join(folder, 'ca.crt')
  const [caKeyPem, key] = await Promise.all([
    readOrMake(join(folder, 'ca.key'), 0o600, makeKeyPem),
    readOrMake(join(folder, 'server.key'), 0o600, makeKeyPem),
  ])
  const caKey = createPrivateKey(caKeyPem)
  const now = clock.nowMs()
  const ca = await readOrMake(caPath, 0o644, async () => {
    const { makeCaCertificate } = await import('./certificates.ts')
    return makeCaCertificate(caKey, validity(now, caLifeDays))
  })
  const caCertificate = new X509Certificate(ca)
  if (!caCertificate.checkPrivateKey(caKey)) throw new Error(`${caPath} does not belong to the ca.key beside it`)

  const wanted = certificateNames(names)
  const certPath = join(folder, 'server.crt')
  const found = await readIfPresent(certPath)
  if (found !== undefined && isGood(found, caCertificate, createPrivateKey(key), wanted, now)) {
    return { cert: found, key, ca, caPath }
  }
  const { makeServerCertificate } = await import('./certificates.ts')
  const life = validity(now, serverLifeDays)
  const notAfter = new Date(Math.min(life.notAfter.getTime(), caCertificate.validToDate.getTime()))
  const issuer = { certificatePem: ca, privateKey: caKey }
  const cert = await makeServerCertificate(issuer, createPrivateKey(key), wanted, { ...life, notAfter })
  await replaceFile(certPath, 0o644, cert)
  return { cert, key, ca, caPath }
}

/**
 * The names a server certificate carries: the fixed ones, then those of `extra`, each once, DNS names in lower case.
 * @param extra DNS names, IP addresses (IPv6 also in brackets) or origins such as `https://cordon.example:8443`
 */
export function certificateNames(extra: readonly string[]): string[] {
  const names = new Set(['localhost', '127.0.0.1', '::1'])
  for (const entry of [hostname(), ...extra]) {
    const name = nameOf(entry)
    if (name !== undefined) names.add(name)
  }
  return [...names]
}

function nameOf(entry: string): string | undefined {
  const host = /^https?:\/\//i.test(entry) ? (URL.parse(entry)?.hostname ?? '') : entry
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  // The URL parser writes an IPv6 address in its shortest form, so that two spellings are one name.
  if (isIPv6(name)) return name === '::' ? undefined : URL.parse(`http://[${name}]/`)?.hostname.slice(1, -1)
  if (isIP(name) !== 0) return name === '0.0.0.0' ? undefined : name
  const isDnsName = name.length <= 253 && /^[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*$/.test(name)
  return isDnsName ? name : undefined
}

function isGood(pem: string, ca: X509Certificate, key: KeyObject, wanted: readonly string[], now: number): boolean {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(pem)
  } catch {
    // Not a certificate (a damaged file): the caller issues a new one in its place.
    return false
  }
  const holdsExactly =
    (certificate.subjectAltName ?? '').split(', ').length === wanted.length &&
    wanted.every((name) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined)
  const renewAt = certificate.validToDate.getTime() - renewBeforeDays * dayMs
  return (
    holdsExactly &&
    certificate.verify(ca.publicKey) &&
    certificate.checkPrivateKey(key) &&
    now < renewAt &&
    now >= certificate.validFromDate.getTime()
  )
}

function validity(now: number, days: number): { notBefore: Date; notAfter: Date } {
  // An hour back, for clients whose clock is behind.
  return { notBefore: new Date(now - 3_600_000), notAfter: new Date(now + days * dayMs - 3_600_000) }
}

async function makeKeyPem(): Promise<string> {
  const { privateKey } = await generate('ec', { namedCurve: 'P-256' })
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
}
