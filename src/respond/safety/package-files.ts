import type { SafetyPolicy } from '../../model/safety/policy.ts'
import type { Db } from '../../store/db.ts'
import { type Execution, readExecutionsOfTask } from '../../store/executions.ts'

/** Code by which a host says that an installed package owns the file it was to quarantine. */
const ownedByPackage = 'PackageFile'

/**
 * Whether a run of a quarantine is to take a file that an installed package owns: its host has refused the task's last run for that reason,
 * and the policy lets such a file go. It then takes a second person, who sees it among the parameters.
 * @returns parameters of the run
 * @source design actions 10.2
 */
export async function readPackageConsent(
  db: Db,
  policy: SafetyPolicy,
  { tenantId, taskId, kind, actionType }: Pick<Execution, 'tenantId' | 'taskId' | 'kind' | 'actionType'>,
): Promise<{ readonly packageFiles?: true }> {
  if (!policy.quarantine.packageFiles || kind !== 'run' || actionType !== 'stopAndQuarantineFile') return {}
  const executions = await readExecutionsOfTask(db, tenantId, taskId)
  const last = executions.find((execution) => execution.kind === 'run')
  return last !== undefined && wasRefused(last) ? { packageFiles: true } : {}
}

function wasRefused({ state, reasonCode, parameters, result }: Execution): boolean {
  if (state === 'succeeded') return false
  // One that was agreed to and came to nothing is tried again as what it was.
  if (reasonCode === ownedByPackage || parameters.packageFiles === true) return true
  return result?.targets?.some(({ code }) => code === ownedByPackage) === true
}
