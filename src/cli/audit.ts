import type { Command } from 'commander'
import { originOf } from '../audit/checkpoint.ts'
import { writeVerifierKey } from '../audit/signed-note.ts'
import { readAuditPublicKeys } from '../io/secrets.ts'
import { CordonError } from '../model/errors.ts'
import { listAuditTenants } from '../store/audit-log.ts'
import { exportAudit } from './audit-export.ts'
import { type VerifyOptions, verifyAudit } from './audit-verify.ts'
import { addStoreOptions, chooseData, printResult, readStore, type StoreOptions } from './store-command.ts'

/** Adds `cordon audit verify|export|key`. They need no running server; export leaves an entry, the others only read. */
export function addAuditCommands(program: Command): void {
  const audit = program.command('audit').description('the log of who did what')
  addStoreOptions(audit.command('verify'))
    .description('tell whether the log is whole and unchanged; exit code 1 when it is not')
    .option('--tenant <id>', 'only the log of this tenant')
    .option('--checkpoint <file...>', 'compare with these checkpoints too, e.g. copies kept elsewhere')
    .option('--audit-checkpoints <dir>', 'folder of checkpoints (CORDON_AUDIT_CHECKPOINTS, default DATA/checkpoints)')
    .option('--key <key>', 'verifier key as `cordon audit key` prints it, or a file of them; default: keys of DATA')
    .option('--file <export>', 'verify an export in jsonl instead of the database')
    .action(async (options: VerifyOptions) => {
      const { report, lines } = await verifyAudit(options)
      printResult(options, report, () => lines)
      if (!report.holds) process.exitCode = 1
    })
  addStoreOptions(audit.command('export'))
    .description('write the log, one entry a line: jsonl (can be verified) or ocsf (for a SIEM)')
    .option('--format <format>', 'jsonl or ocsf', 'jsonl')
    .option('--tenant <id>', 'only the log of this tenant')
    .option('--allow-unrecorded', 'also from a database that can only be read, where the export leaves no entry')
    .action(exportAudit)
  addStoreOptions(audit.command('key'))
    .description("print the key that verifies a tenant's checkpoints; note it down elsewhere")
    .option('--tenant <id>', 'only the key of this tenant')
    .action(printKeys)
}

async function printKeys(options: StoreOptions & { readonly tenant?: string }): Promise<void> {
  const data = chooseData(options)
  const keys = data === null ? [] : await readAuditPublicKeys(data)
  if (keys.length === 0)
    throw new CordonError('NotFound', 'There is no audit key; it lies in the data folder of the server.')
  await readStore(options, async (db) => {
    const tenants = await chooseLogs(db, options.tenant)
    const found = tenants.map((tenantId) => ({
      tenantId,
      keys: keys.map((publicKey) => writeVerifierKey({ name: originOf(tenantId), publicKey })),
    }))
    printResult(options, found, () => found.flatMap((one) => one.keys))
  })
}

async function chooseLogs(db: Parameters<typeof listAuditTenants>[0], tenantId: string | undefined): Promise<string[]> {
  return tenantId === undefined ? listAuditTenants(db) : [tenantId]
}
