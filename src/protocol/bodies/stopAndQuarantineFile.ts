import { boolean, type Decoder, id, integer, type JsonObject, list, object, oneOf, optional, text } from '../decode.ts'

/** Digests a file is named by, lower-case hexadecimal; at least one. */
export interface FileHashes {
  readonly sha1?: string
  readonly sha256?: string
}

/** Stop a file's processes and move every copy into the vault. */
export interface QuarantineFileBody {
  readonly actionType: 'stopAndQuarantineFile'
  readonly mode: 'quarantine'
  readonly deviceId: string
  readonly hashes: FileHashes
  /** Where the file was seen; looked at first. */
  readonly path: string | undefined
  /** Size in bytes as evidence names it; only files of this size are read. */
  readonly sizeBytes: number | undefined
  readonly stopProcesses: boolean
  /** Search the host's own file systems for further copies. */
  readonly walk: boolean
  /** A second person agreed that a file an installed package owns may go. */
  readonly allowPackageFiles: boolean
}

/** Bring back what an earlier command moved into the vault. */
export interface RestoreFileBody {
  readonly actionType: 'stopAndQuarantineFile'
  readonly mode: 'restore'
  readonly deviceId: string
  readonly hashes: FileHashes
  /** The execution that moved it. */
  readonly executionId: string
}

interface Downstream {
  readonly downstream_device: { readonly devices: readonly { readonly device_id: string }[] }
}

interface WireQuarantine {
  readonly action: 'contain'
  readonly target: { readonly file: { readonly hashes: FileHashes; readonly path?: string; readonly name?: string } }
  readonly args: {
    readonly er: Downstream
    readonly 'x-cordon': {
      readonly stop_processes: boolean
      readonly walk: boolean
      readonly size?: number
      readonly allow_package_files?: boolean
    }
  }
}

interface WireRestore {
  readonly action: 'restore'
  readonly target: { readonly file: { readonly hashes: FileHashes } }
  readonly args: { readonly er: Downstream; readonly 'x-cordon': { readonly execution_id: string } }
}

const hashes = object<FileHashes>({
  sha1: optional(text(40, /^[0-9a-f]{40}$/)),
  sha256: optional(text(64, /^[0-9a-f]{64}$/)),
})

const downstream = object<Downstream>({
  downstream_device: object<Downstream['downstream_device']>({
    devices: list(object<{ device_id: string }>({ device_id: id }), 1),
  }),
})

/** Reads the wire form of {@link QuarantineFileBody}. */
export const wireQuarantine: Decoder<WireQuarantine> = object<WireQuarantine>({
  action: oneOf(['contain']),
  target: object<WireQuarantine['target']>({
    file: object<WireQuarantine['target']['file']>({
      hashes,
      path: optional(text(4096, /^\/[^\0]*$/)),
      name: optional(text(255)),
    }),
  }),
  args: object<WireQuarantine['args']>({
    er: downstream,
    'x-cordon': object<WireQuarantine['args']['x-cordon']>({
      stop_processes: boolean,
      walk: boolean,
      size: optional(integer(0, Number.MAX_SAFE_INTEGER)),
      allow_package_files: optional(boolean),
    }),
  }),
})

/** Reads the wire form of {@link RestoreFileBody}. */
export const wireRestore: Decoder<WireRestore> = object<WireRestore>({
  action: oneOf(['restore']),
  target: object<WireRestore['target']>({ file: object<WireRestore['target']['file']>({ hashes }) }),
  args: object<WireRestore['args']>({
    er: downstream,
    'x-cordon': object<WireRestore['args']['x-cordon']>({ execution_id: id }),
  }),
})

/** The read form of a quarantine body. */
export function fromWireQuarantine(wire: WireQuarantine): QuarantineFileBody {
  const { file } = wire.target
  const own = wire.args['x-cordon']
  return {
    actionType: 'stopAndQuarantineFile',
    mode: 'quarantine',
    deviceId: wire.args.er.downstream_device.devices[0]?.device_id ?? '',
    hashes: file.hashes,
    path: file.path,
    sizeBytes: own.size,
    stopProcesses: own.stop_processes,
    walk: own.walk,
    allowPackageFiles: own.allow_package_files ?? false,
  }
}

/** The read form of a restore body. */
export function fromWireRestore(wire: WireRestore): RestoreFileBody {
  return {
    actionType: 'stopAndQuarantineFile',
    mode: 'restore',
    deviceId: wire.args.er.downstream_device.devices[0]?.device_id ?? '',
    hashes: wire.target.file.hashes,
    executionId: wire.args['x-cordon'].execution_id,
  }
}

/** Writes the body of a stopAndQuarantineFile command. @source design actions.md 9.5 */
export function writeQuarantineFile(input: Omit<QuarantineFileBody, 'actionType' | 'mode'>): JsonObject {
  const { path, sizeBytes } = input
  return {
    action: 'contain',
    target: { file: { hashes: writeHashes(input.hashes), ...(path === undefined ? {} : { path }) } },
    args: {
      er: { downstream_device: { devices: [{ device_id: input.deviceId }] } },
      'x-cordon': {
        stop_processes: input.stopProcesses,
        walk: input.walk,
        ...(sizeBytes === undefined ? {} : { size: sizeBytes }),
        ...(input.allowPackageFiles ? { allow_package_files: true } : {}),
      },
    },
  }
}

/** Writes the body that takes a stopAndQuarantineFile back; `restore` is OpenC2's word for it. */
export function writeRestoreFile(input: Omit<RestoreFileBody, 'actionType' | 'mode'>): JsonObject {
  return {
    action: 'restore',
    target: { file: { hashes: writeHashes(input.hashes) } },
    args: {
      er: { downstream_device: { devices: [{ device_id: input.deviceId }] } },
      'x-cordon': { execution_id: input.executionId },
    },
  }
}

function writeHashes({ sha1, sha256 }: FileHashes): JsonObject {
  return { ...(sha1 === undefined ? {} : { sha1 }), ...(sha256 === undefined ? {} : { sha256 }) }
}
