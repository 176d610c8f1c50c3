import 'reflect-metadata'
import { createPublicKey, type KeyObject, randomBytes, type webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** Life of a certificate, both ends UTC. */
export interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/**
 * Makes a self-signed CA certificate for an ECDSA P-256 key. It may issue server certificates and nothing below them (path length 0).
 * @returns PEM
 * @source RFC 5280 4.2: CA certificates carry critical basicConstraints and keyUsage, and a subjectKeyIdentifier
 */
export async function makeCaCertificate(privateKey: KeyObject, validity: Validity): Promise<string> {
  const keys = toKeyPair(privateKey)
  // A random part in the name keeps the CAs of several installations apart in a trust store.
  const name = `O=Cordon, CN=Cordon local CA ${randomBytes(4).toString('hex')}`
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: makeSerialNumber(),
    name,
    keys,
    signingAlgorithm: ecdsa,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return `${certificate.toString('pem')}\n`
}

/**
 * Makes a server certificate for `names` (DNS names and IP addresses), signed by the CA.
 * @returns PEM
 * @source RFC 5280 4.2.1; RFC 6125: clients look at subjectAltName only; Python 3.13 refuses a chain without key identifiers
 */
export async function makeServerCertificate(
  ca: { readonly certificatePem: string; readonly privateKey: KeyObject },
  publicKeyOf: KeyObject,
  names: readonly string[],
  validity: Validity,
): Promise<string> {
  const issuer = new X509Certificate(ca.certificatePem)
  const { publicKey } = toKeyPair(publicKeyOf)
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension(
      names.map((value) => (isIP(value) === 0 ? { type: 'dns', value } : { type: 'ip', value })),
    ),
    await SubjectKeyIdentifierExtension.create(publicKey),
    await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
  ]
  const certificate = await X509CertificateGenerator.create({
    ...validity,
    serialNumber: makeSerialNumber(),
    subject: 'O=Cordon, CN=Cordon server',
    issuer: issuer.subjectName,
    publicKey,
    signingKey: toKeyPair(ca.privateKey).privateKey,
    signingAlgorithm: ecdsa,
    extensions,
  })
  return `${certificate.toString('pem')}\n`
}

function toKeyPair(privateKey: KeyObject): webcrypto.CryptoKeyPair {
  return {
    privateKey: privateKey.toCryptoKey(ecdsa, false, ['sign']),
    publicKey: createPublicKey(privateKey).toCryptoKey(ecdsa, true, ['verify']),
  }
}

/** 128 random bits behind a fixed positive first byte, as RFC 5280 4.1.2.2 asks (positive, at most 20 octets, no leading zero). */
function makeSerialNumber(): string {
  return `01${randomBytes(16).toString('hex')}`
}
