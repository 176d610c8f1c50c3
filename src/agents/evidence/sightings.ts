import type { AlertEvidence, FileDetails } from '../../model/generated.ts'
import { findAgents } from '../../store/agents.ts'
import type { Store } from '../../store/db.ts'
import { readAlertsNaming } from '../../store/evidence.ts'
import { findDevices, type KnownDevice } from '../devices.ts'

/** What alerts know of a file beside its digest. */
export interface FileSighting {
  /** Full path on the host that was named; undefined when no alert tells one. */
  readonly path: string | undefined
  readonly sizeBytes: number | undefined
}

/** Alerts that are looked through for one file, the newest first. */
const maxAlerts = 20
/** Devices that are tried by name. */
const maxDevices = 20

/** Enrolled hosts that an alert names together with the file. */
export async function findDevicesOfFile(
  deps: { readonly store: Store },
  tenantId: string,
  hash: string,
): Promise<KnownDevice[]> {
  const alerts = await readAlertsNaming(deps.store.read, tenantId, 'file', hash, maxAlerts)
  const names = [...new Set(alerts.flatMap(({ devices }) => devices))].slice(0, maxDevices)
  const ids = new Set<string>()
  for (const name of names) for (const { id } of await findAgents(deps.store.read, tenantId, name)) ids.add(id)
  const found: KnownDevice[] = []
  for (const id of ids) found.push(...(await findDevices(deps, tenantId, id)))
  return found
}

/** What the alerts that name a file say of its path and size. */
export async function readSighting(
  deps: { readonly store: Store },
  tenantId: string,
  hash: string,
): Promise<FileSighting> {
  const alerts = await readAlertsNaming(deps.store.read, tenantId, 'file', hash, maxAlerts)
  const details = alerts
    .flatMap(({ evidence }) => evidence.flatMap(listFiles))
    .filter((file) => [file.sha1, file.sha256].some((digest) => digest?.toLowerCase() === hash))
  const sizeBytes = details.map(({ fileSize }) => fileSize).find((size) => size !== null && size > 0)
  const path = details.map(readPath).find((known) => known !== undefined)
  return { path, sizeBytes: sizeBytes ?? undefined }
}

function listFiles(item: AlertEvidence): FileDetails[] {
  switch (item['@odata.type']) {
    case '#microsoft.graph.security.fileEvidence':
      return item.fileDetails === null ? [] : [item.fileDetails]
    case '#microsoft.graph.security.processEvidence':
      return item.imageFile === null ? [] : [item.imageFile]
    default:
      return []
  }
}

/** `filePath` is a folder for some senders and the whole path for others. */
function readPath({ filePath, fileName }: FileDetails): string | undefined {
  if (filePath === null || !filePath.startsWith('/') || filePath.length > 4_000) return undefined
  if (fileName === null || fileName === '' || filePath.endsWith(`/${fileName}`)) return filePath
  return `${filePath.replace(/\/$/, '')}/${fileName}`
}
