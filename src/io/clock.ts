/** Where "now" comes from. Injected everywhere, so that tests and replays decide the time. */
export interface Clock {
  /** Wall clock in milliseconds since 1970 (UTC). */
  nowMs(): number
  /** The same instant as 7-digit ISO 8601 text, the form of every stored and emitted instant. */
  now(): string
}

/** Where random ids come from; injected like the clock. */
export interface Ids {
  /** A lower-case GUID (RFC 9562 version 4). */
  guid(): string
}

/**
 * Writes milliseconds since 1970 as 7-digit ISO 8601 UTC text, e.g. `2026-01-02T00:00:00.1230000Z`.
 * @source design contract 17: every emitted datetime has exactly seven fraction digits
 */
export function instantOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}0000Z`
}

/** Milliseconds since 1970 of a 7-digit instant; the last four digits are cut. */
export function msOf(instant: string): number {
  return Date.parse(`${instant.slice(0, 23)}Z`)
}

/** The machine's wall clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  now: () => instantOf(Date.now()),
}

/** Random ids of the platform's cryptographic generator. */
export const randomIds: Ids = { guid: () => globalThis.crypto.randomUUID() }
