/**
 * Reads which execution a job is about.
 * @throws TypeError when it names none: a defect
 */
export function readExecutionId(payload: unknown): string {
  if (typeof payload === 'object' && payload !== null && 'executionId' in payload) {
    if (typeof payload.executionId === 'string') return payload.executionId
  }
  throw new TypeError('the job names no execution')
}
