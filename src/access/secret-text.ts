import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 random bits as base64url text (43 characters), for client secrets, sign-in links and sessions. */
export function makeSecret(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * What is stored of a secret: its SHA-256 in hex. A fast hash suffices, because the secret is random and too long to be guessed.
 */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Compares a secret with a stored hash in a time that tells nothing about either. */
export function matchesHash(secret: string, hash: string): boolean {
  const given = Buffer.from(hashSecret(secret), 'hex')
  const stored = Buffer.from(hash, 'hex')
  return stored.length === given.length && timingSafeEqual(given, stored)
}
