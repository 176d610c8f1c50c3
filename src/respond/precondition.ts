import { CordonError } from '../model/errors.ts'

/** Versions of a row that a change may build on; null takes any. */
export type AcceptedVersions = readonly number[] | null

/**
 * Refuses a change that was decided on another version of the row. To be asked inside the transaction that writes.
 * @throws CordonError PreconditionFailed
 */
export function requireVersion(version: number, accepted: AcceptedVersions): void {
  if (accepted === null || accepted.includes(version)) return
  throw new CordonError(
    'PreconditionFailed',
    'The resource was changed since it was read; its ETag is another one now.',
  )
}
