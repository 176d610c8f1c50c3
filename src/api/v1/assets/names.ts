import { entitiesOf } from '../../../intake/entities.ts'
import { keepNames } from '../../../model/execution.ts'
import type { AlertEvidence } from '../../../model/generated.ts'

/** What people look after: what can be cut off, and where what cuts it off is felt. */
export type AssetKind = 'device' | 'user' | 'mailbox'

/** Kinds by the part of the address that stands for them. */
export const assetKinds: Readonly<Record<string, AssetKind>> = {
  devices: 'device',
  users: 'user',
  mailboxes: 'mailbox',
}

/** One thing by all the names that tell it from others. */
export interface NamedAsset {
  readonly kind: AssetKind
  /** What it is listed under. */
  readonly name: string
  /** Every name, that one first. */
  readonly names: readonly string[]
}

/** The devices, users and mailboxes that evidence names, each once for each way it is named. */
export function listAssetsIn(evidence: readonly AlertEvidence[]): NamedAsset[] {
  const things = new Map<number, { kind: AssetKind; names: string[] }>()
  for (const { kind, value, thing } of entitiesOf(evidence)) {
    if (kind !== 'device' && kind !== 'user' && kind !== 'mailbox') continue
    const known = things.get(thing)
    // A mailbox is also named as the user it belongs to: that is a user of its own.
    if (known === undefined) things.set(thing, { kind, names: [value] })
    else if (known.kind === kind) known.names.push(value)
  }
  return [...things.values()].map(({ kind, names }) => nameAsset(kind, names))
}

function nameAsset(kind: AssetKind, names: readonly string[]): NamedAsset {
  // Where there is a name that only one account has, the bare one could be anybody's.
  const own = kind === 'user' && names.some(isWhole) ? names.filter(isWhole) : names
  return { kind, name: own[0] ?? '', names: own }
}

/** True for a name that tells an account from all others: with its domain, or an id. */
function isWhole(name: string): boolean {
  return /[@\\]/.test(name) || /^s-1-\d/.test(name) || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name)
}

/** The asset that this evidence means by a name; the name alone where it says no more. */
export function findAsset(kind: AssetKind, name: string, evidence: readonly AlertEvidence[]): NamedAsset {
  const all = entitiesOf(evidence)
  const thing = all.find((one) => one.kind === kind && one.value === name)?.thing
  const names = all.filter((one) => one.kind === kind && one.thing === thing).map(({ value }) => value)
  return thing === undefined ? { kind, name, names: [name] } : nameAsset(kind, names)
}

/** Names as they are looked up. */
export function keepValues(kind: AssetKind, values: readonly (string | null)[]): string[] {
  const given = values.flatMap((value) => (value === null ? [] : [{ kind, value }]))
  return keepNames(given).map(({ value }) => value)
}
