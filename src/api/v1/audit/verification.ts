import type { AuthorizedHandler } from '../../route.ts'

/** Reads a tenant's whole log again and compares it with itself and with its checkpoints; see src/audit/verify.ts. */
export interface AuditVerifier {
  /** @returns a report, as JSON holds it */
  verify(tenantId: string): Promise<object>
}

/** GET /api/v1/audit/verification: whether the log holds, entry by entry. Callers of one tenant at one time share one look. */
export function verifyAudit(deps: { readonly auditVerifier: AuditVerifier }): AuthorizedHandler {
  const underWay = new Map<string, Promise<object>>()
  return async (call) => {
    const { tenantId } = call.caller
    const look = underWay.get(tenantId) ?? deps.auditVerifier.verify(tenantId).finally(() => underWay.delete(tenantId))
    underWay.set(tenantId, look)
    return { status: 200, body: JSON.stringify(await look) }
  }
}
