import { type Decoder, id, integer, type JsonObject, object, oneOf, sha256Text } from '../decode.ts'

/** Collect what an investigation looks at first. */
export interface CollectPackageBody {
  readonly actionType: 'collectInvestigationPackage'
  readonly deviceId: string
  /** The archive is never larger; what does not fit is left out and named in the manifest. */
  readonly maxBytes: number
}

interface WireCollect {
  readonly action: 'investigate'
  readonly target: { readonly device: { readonly device_id: string } }
  readonly args: { readonly 'x-cordon': { readonly profile: 'triage'; readonly max_bytes: number } }
}

/** The largest archive a server takes. */
export const MAX_PACKAGE_BYTES: number = 512 * 1024 * 1024

/** The largest part of an archive in one request. */
export const PACKAGE_PART_BYTES: number = 4 * 1024 * 1024

/** Reads the wire form of {@link CollectPackageBody}. */
export const wireCollect: Decoder<WireCollect> = object<WireCollect>({
  action: oneOf(['investigate']),
  target: object<WireCollect['target']>({ device: object<{ device_id: string }>({ device_id: id }) }),
  args: object<WireCollect['args']>({
    'x-cordon': object<WireCollect['args']['x-cordon']>({
      profile: oneOf(['triage']),
      max_bytes: integer(64 * 1024, MAX_PACKAGE_BYTES),
    }),
  }),
})

/** The read form of a collect body. */
export function fromWireCollect(wire: WireCollect): CollectPackageBody {
  return {
    actionType: 'collectInvestigationPackage',
    deviceId: wire.target.device.device_id,
    maxBytes: wire.args['x-cordon'].max_bytes,
  }
}

/** Writes the body of a collectInvestigationPackage command. @source design actions.md 9.5 */
export function writeCollectPackage(input: Omit<CollectPackageBody, 'actionType'>): JsonObject {
  return {
    action: 'investigate',
    target: { device: { device_id: input.deviceId } },
    args: { 'x-cordon': { profile: 'triage', max_bytes: input.maxBytes } },
  }
}

/** Ends an upload: what the server must have by now. */
export interface PackageComplete {
  /** Which run of the collection the parts belong to; a later one has a higher number. */
  readonly generation: number
  readonly parts: number
  readonly size: number
  readonly sha256: string
}

/** Reads the body of `POST /packages/{commandId}/complete`. */
export const decodePackageComplete: Decoder<PackageComplete> = object<PackageComplete>({
  generation: integer(1, Number.MAX_SAFE_INTEGER),
  parts: integer(1, 10_000),
  size: integer(1, MAX_PACKAGE_BYTES),
  sha256: sha256Text,
})
