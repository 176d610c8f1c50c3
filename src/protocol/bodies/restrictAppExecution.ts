import { id, integer, type JsonObject, object, oneOf, optional } from '../decode.ts'

/** What a restrictAppExecution command asks for. */
export interface RestrictBody {
  readonly actionType: 'restrictAppExecution'
  readonly deviceId: string
  /** Milliseconds the restriction lasts unless it is renewed; undefined: only the lease of the envelope counts. */
  readonly durationMs: number | undefined
}

/** What an unRestrictAppExecution command asks for. */
export interface UnRestrictBody {
  readonly actionType: 'unRestrictAppExecution'
  readonly deviceId: string
}

interface WireRestriction {
  readonly action: 'contain' | 'allow'
  readonly target: { readonly device: { readonly device_id: string } }
  readonly args: { readonly duration?: number; readonly er: { readonly device_containment: 'app_restriction' } }
}

const MAX_DURATION_MS = 366 * 86_400_000

const decodeWire = object<WireRestriction>({
  action: oneOf(['contain', 'allow']),
  target: object<WireRestriction['target']>({ device: object<{ device_id: string }>({ device_id: id }) }),
  args: object<WireRestriction['args']>({
    duration: optional(integer(1, MAX_DURATION_MS)),
    er: object<WireRestriction['args']['er']>({ device_containment: oneOf(['app_restriction']) }),
  }),
})

/** Writes the body of a restrictAppExecution command. */
export function writeRestrictAppExecution({ deviceId, durationMs }: Omit<RestrictBody, 'actionType'>): JsonObject {
  return {
    action: 'contain',
    target: { device: { device_id: deviceId } },
    args: {
      ...(durationMs === undefined ? {} : { duration: durationMs }),
      er: { device_containment: 'app_restriction' },
    },
  }
}

/** Writes the body of an unRestrictAppExecution command. */
export function writeUnRestrictAppExecution({ deviceId }: Omit<UnRestrictBody, 'actionType'>): JsonObject {
  return {
    action: 'allow',
    target: { device: { device_id: deviceId } },
    args: { er: { device_containment: 'app_restriction' } },
  }
}

/** Reads the body of one of both commands. @throws DecodeError */
export function readRestriction(body: JsonObject): RestrictBody | UnRestrictBody {
  const { action, target, args } = decodeWire(body, 'body')
  const deviceId = target.device.device_id
  if (action === 'allow') return { actionType: 'unRestrictAppExecution', deviceId }
  return { actionType: 'restrictAppExecution', deviceId, durationMs: args.duration }
}
