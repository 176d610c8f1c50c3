/** Every environment variable Cordon reads, by its option: options beat environment beats defaults. */
export interface Environment {
  readonly data: string | undefined
  readonly database: string | undefined
  readonly host: string | undefined
  readonly port: string | undefined
  readonly publicOrigins: string | undefined
  readonly logLevel: string | undefined
  readonly strictGraph: string | undefined
  readonly outboundAllow: string | undefined
  readonly outboundCa: string | undefined
  readonly corsOrigins: string | undefined
  readonly auditCheckpoints: string | undefined
  readonly rateLimit: string | undefined
  readonly tenantRateLimit: string | undefined
}

/** Reads the CORDON_* variables; an empty one counts as unset. */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const read = (name: string): string | undefined => env[name] || undefined
  return {
    data: read('CORDON_DATA'),
    database: read('CORDON_DATABASE'),
    host: read('CORDON_HOST'),
    port: read('CORDON_PORT'),
    publicOrigins: read('CORDON_PUBLIC_ORIGINS'),
    logLevel: read('CORDON_LOG_LEVEL'),
    strictGraph: read('CORDON_STRICT_GRAPH'),
    outboundAllow: read('CORDON_OUTBOUND_ALLOW'),
    outboundCa: read('CORDON_OUTBOUND_CA'),
    corsOrigins: read('CORDON_CORS_ORIGINS'),
    auditCheckpoints: read('CORDON_AUDIT_CHECKPOINTS'),
    rateLimit: read('CORDON_RATE_LIMIT'),
    tenantRateLimit: read('CORDON_TENANT_RATE_LIMIT'),
  }
}

/** The failpoint at which this process kills itself; for fault tests only. */
export const killAtFailpoint: string | undefined = process.env.CORDON_FAILPOINT
