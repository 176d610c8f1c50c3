import { id, integer, type JsonObject, object, oneOf } from '../decode.ts'

/** What a runAntiVirusScan command asks for. */
export interface RunAntiVirusScanBody {
  readonly actionType: 'runAntiVirusScan'
  readonly deviceId: string
  readonly scan: 'quick' | 'full'
  /** The scan is given up after this. */
  readonly maxSeconds: number
}

interface WireScan {
  readonly action: 'scan'
  readonly target: { readonly device: { readonly device_id: string } }
  readonly args: {
    readonly er: { readonly scan_depth: 'shallow' | 'deep' }
    readonly 'x-cordon': { readonly max_seconds: number }
  }
}

const decodeWire = object<WireScan>({
  action: oneOf(['scan']),
  target: object<WireScan['target']>({ device: object<{ device_id: string }>({ device_id: id }) }),
  args: object<WireScan['args']>({
    er: object<WireScan['args']['er']>({ scan_depth: oneOf(['shallow', 'deep']) }),
    'x-cordon': object<WireScan['args']['x-cordon']>({ max_seconds: integer(1, 7 * 86_400) }),
  }),
})

/** Writes the body of a runAntiVirusScan command. */
export function writeRunAntiVirusScan(body: Omit<RunAntiVirusScanBody, 'actionType'>): JsonObject {
  return {
    action: 'scan',
    target: { device: { device_id: body.deviceId } },
    args: {
      er: { scan_depth: body.scan === 'quick' ? 'shallow' : 'deep' },
      'x-cordon': { max_seconds: body.maxSeconds },
    },
  }
}

/** Reads the body of a runAntiVirusScan command. @throws DecodeError */
export function readRunAntiVirusScan(body: JsonObject): RunAntiVirusScanBody {
  const { target, args } = decodeWire(body, 'body')
  return {
    actionType: 'runAntiVirusScan',
    deviceId: target.device.device_id,
    scan: args.er.scan_depth === 'shallow' ? 'quick' : 'full',
    maxSeconds: args['x-cordon'].max_seconds,
  }
}
