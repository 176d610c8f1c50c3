import { createHmac, timingSafeEqual } from 'node:crypto'

/** How long a code can be used after it was made. @source design actions.md 10.6 */
export const BREAK_GLASS_HOURS = 72

const HOUR_MS = 3_600_000
/** A host without a network may be off by this much; a code from further ahead is not one of ours. */
const CLOCK_TOLERANCE_HOURS = 24
// Crockford's alphabet: no letter that is taken for a digit.
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const MAC_LETTERS = 16

/** What a host makes of a typed code. */
export type BreakGlassVerdict =
  | { readonly ok: true; readonly serial: number }
  | { readonly ok: false; readonly problem: string }

/**
 * Writes the code that opens an isolated host without a network: `<serial>-<hour>-XXXX-XXXX-XXXX-XXXX`, where the letters are 80 bits of
 * an HMAC that only the server and this host can compute.
 * @param key base64url, from the enrolment
 * @param serial number of the code on this device, rising
 */
export function writeBreakGlassCode(key: string, deviceId: string, serial: number, nowMs: number): string {
  const hour = Math.floor(nowMs / HOUR_MS)
  const groups = computeMac(key, deviceId, serial, hour).match(/.{4}/g) ?? []
  return [serial, hour, ...groups].join('-')
}

/**
 * Checks a code on the host, without the server.
 * @param lastSerial number of the last code that was used here; 0 for none
 */
export function checkBreakGlassCode(
  key: string,
  deviceId: string,
  code: string,
  nowMs: number,
  lastSerial: number,
): BreakGlassVerdict {
  const match = /^(\d{1,9})-(\d{1,9})-([0-9A-Z-]{16,24})$/.exec(code.trim().toUpperCase())
  const [serial, hour] = [Number(match?.[1]), Number(match?.[2])]
  const letters = (match?.[3] ?? '').replaceAll('-', '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
  if (match === null || letters.length !== MAC_LETTERS) return { ok: false, problem: 'this is not a break-glass code' }
  const expected = Buffer.from(computeMac(key, deviceId, serial, hour))
  if (!timingSafeEqual(expected, Buffer.from(letters))) return { ok: false, problem: 'the code is not for this host' }
  if (serial <= lastSerial) return { ok: false, problem: 'the code was used before, or a newer one was' }
  const age = Math.floor(nowMs / HOUR_MS) - hour
  if (age >= BREAK_GLASS_HOURS) return { ok: false, problem: `the code is older than ${BREAK_GLASS_HOURS} hours` }
  if (age < -CLOCK_TOLERANCE_HOURS) return { ok: false, problem: 'the clock of this host is more than a day behind' }
  return { ok: true, serial }
}

function computeMac(key: string, deviceId: string, serial: number, hour: number): string {
  const mac = createHmac('sha256', Buffer.from(key, 'base64url'))
    .update(`cordon break-glass\n${deviceId}\n${serial}\n${hour}`)
    .digest()
  const bits = BigInt(`0x${mac.toString('hex')}`) >> BigInt(mac.length * 8 - MAC_LETTERS * 5)
  return Array.from(
    { length: MAC_LETTERS },
    (_, index) => alphabet[Number((bits >> BigInt((MAC_LETTERS - 1 - index) * 5)) & 31n)],
  ).join('')
}
