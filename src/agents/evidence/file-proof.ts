import type { QuarantineFileBody, RestoreFileBody } from '../../protocol/bodies/stopAndQuarantineFile.ts'
import type { JsonObject } from '../../protocol/decode.ts'
import type { CommandResult } from '../../protocol/result.ts'

/** What is missing for a quarantine or a restore to count, wholly or in part; null when the proof holds. @source design actions.md 7.3 */
export function findFileGap(body: QuarantineFileBody | RestoreFileBody, result: CommandResult): string | null {
  const { after } = result
  if (after === null) return 'no state after'
  const whole = result.state === 'succeeded'
  const [target] = result.targets
  if (whole && target?.state !== 'succeeded' && target?.state !== 'already') return 'the target is not done'
  const wanted = body.mode === 'quarantine' ? ['processes', 'copies', 'vault', 'otherNames', 'search'] : ['restored']
  const checks = result.proof?.checks ?? []
  const missing = wanted.find((name) => !checks.some((check) => check.name === name))
  if (missing !== undefined) return `nothing tells of ${missing}`
  const unmet = checks.find(({ want, got }) => want !== got)
  if (whole && unmet !== undefined) return `${unmet.name} is ${unmet.got} instead of ${unmet.want}`
  if (whole && after.remainingTotal !== 0) return 'something remains'
  const items = [...readItems(after.moved), ...readItems(after.killed), ...readItems(after.restored)]
  const { sha256 } = body.hashes
  const other = items.some((item) => sha256 !== undefined && (item.sha256 ?? item.exeSha256) !== sha256)
  return other ? 'another file than the ordered one was touched' : null
}

function readItems(value: JsonObject[string] | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isItem) : []
}

function isItem(value: JsonObject[string]): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
