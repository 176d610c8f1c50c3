import {
  type CollectPackageBody,
  decodePackageComplete,
  type PackageComplete,
} from '../../../protocol/bodies/collectInvestigationPackage.ts'
import { digestJson, sha256Hex } from '../../../protocol/canonical.ts'
import { decode, id, integer, type JsonObject, object, parseJson } from '../../../protocol/decode.ts'
import { formatInstant } from '../../../protocol/instants.ts'
import { stateFiles, writeState } from '../../state.ts'
import { type ActionDeps, type ActionOrder, type ActionOutcome, describeFailure } from '../action.ts'
import { type Collector, listCollectors } from './collectors.ts'
import { completeUpload, openUpload, type UploadDeps, UploadRefused } from './upload.ts'
import { openZip, type ZipWriter } from './zip.ts'

/** What is kept free for the manifest, which comes last. */
const MANIFEST_BYTES = 64 * 1024

/** A package of which the server has every part. */
interface SentPackage {
  readonly commandId: string
  readonly complete: PackageComplete
  readonly items: number
  readonly failedItems: number
}

interface ManifestItem {
  readonly name: string
  readonly source: string
  readonly startedAt: string
  readonly ms: number
  readonly bytes: number
  readonly sha256: string
  readonly truncated: boolean
  readonly error: string | null
}

/**
 * Collects what an investigation looks at first and sends it to the server as a ZIP archive while it is made; nothing of it touches the
 * disk of the host. A run that was killed collects anew, unless the server had every part already.
 * @source design actions.md 7.5, 8.7
 */
export async function collectInvestigationPackage(
  deps: ActionDeps,
  order: ActionOrder,
  body: CollectPackageBody,
): Promise<ActionOutcome> {
  const before = order.resumedFrom ?? { package: null }
  const collectors = listCollectors(deps.state)
  if (order.dryRun) return rehearse(before, collectors)
  if (order.resumedFrom === null) order.begin(before)
  const { clock, sleep, failpoint } = deps
  const upload: UploadDeps = { channel: deps.packages, clock, sleep, failpoint, signal: order.signal }
  try {
    const known = readSent(deps, order.commandId)
    if (known !== undefined && (await completeUpload(upload, order.commandId, known.complete))) {
      return describe(deps, before, known)
    }
    const sent = await sendPackage(deps, upload, order.commandId, { maxBytes: body.maxBytes, collectors })
    writeState(deps.state, stateFiles.package, sent)
    failpoint('package-sent')
    if (!(await completeUpload(upload, order.commandId, sent.complete))) {
      const detail = 'the server does not have what was sent'
      return describeFailure('failed', 'UploadRefused', detail, { before, after: before })
    }
    failpoint('package-complete')
    return describe(deps, before, sent)
  } catch (error) {
    if (!(error instanceof UploadRefused)) throw error
    return describeFailure('failed', error.code, error.message, { before, after: before })
  }
}

async function sendPackage(
  deps: ActionDeps,
  uploadDeps: UploadDeps,
  commandId: string,
  { maxBytes, collectors }: { readonly maxBytes: number; readonly collectors: readonly Collector[] },
): Promise<SentPackage> {
  const upload = openUpload(uploadDeps, commandId, deps.clock.nowMs())
  const zip = openZip(upload.write, maxBytes)
  const items: ManifestItem[] = []
  for (const collector of collectors) {
    uploadDeps.signal.throwIfAborted()
    items.push(await addItem(deps, zip, collector))
    deps.failpoint('package-item')
  }
  const manifest = { v: 1, commandId, deviceId: deps.deviceId, maxBytes, items }
  await zip.add('manifest.json', Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`), 0)
  await zip.finish()
  const complete = await upload.end()
  return { commandId, complete, items: items.length, failedItems: items.filter(({ error }) => error !== null).length }
}

const withheld = Promise.resolve({ content: Buffer.alloc(0), truncated: false, error: 'withheld by the owner' })

/** Adds one item, or says in the manifest why it is not there. */
async function addItem(deps: ActionDeps, zip: ZipWriter, collector: Collector): Promise<ManifestItem> {
  const { name, source } = collector
  const startedAt = formatInstant(deps.clock.nowMs())
  const start = performance.now()
  const isWithheld = deps.config.withhold.includes(name)
  const { content, truncated, error } = await (isWithheld ? withheld : collector.collect()).catch((cause: unknown) => {
    const problem = cause instanceof Error ? cause.message.slice(0, 200) : 'unknown error'
    return { content: Buffer.alloc(0), truncated: false, error: problem }
  })
  const fits = content.length > 0 && (await zip.add(name, content, MANIFEST_BYTES))
  const ms = Math.round(performance.now() - start)
  const missing = content.length > 0 && !fits ? 'no room within the budget' : null
  const sha256 = `sha256:${sha256Hex(content)}`
  return { name, source, startedAt, ms, bytes: content.length, sha256, truncated, error: error ?? missing }
}

function describe(deps: ActionDeps, before: JsonObject, sent: SentPackage): ActionOutcome {
  const { size, sha256, parts } = sent.complete
  const after: JsonObject = { size, sha256, parts, items: sent.items, failedItems: sent.failedItems }
  return {
    state: 'succeeded',
    target: { state: 'succeeded', changed: true },
    code: null,
    detail: null,
    before,
    after,
    proof: {
      level: 'observed',
      method: 'upload-digest',
      observedAt: formatInstant(deps.clock.nowMs()),
      observedBy: `agent:${deps.deviceId}`,
      digest: digestJson(after),
      checks: [{ name: 'upload', want: sha256, got: sha256 }],
    },
  }
}

function rehearse(before: JsonObject, collectors: readonly Collector[]): ActionOutcome {
  return {
    state: 'succeeded',
    target: { state: 'succeeded', changed: false },
    code: 'DryRun',
    detail: `would collect ${collectors.length} items: ${collectors.map(({ name }) => name).join(', ')}`.slice(
      0,
      1_900,
    ),
    before,
    after: before,
    proof: null,
  }
}

const decodeSent = object<SentPackage>({
  commandId: id,
  complete: decodePackageComplete,
  items: integer(0, 10_000),
  failedItems: integer(0, 10_000),
})

/** What an earlier run of the same command had sent to the end. */
function readSent({ state }: ActionDeps, commandId: string): SentPackage | undefined {
  const content = state.read(stateFiles.package)
  if (content === undefined) return undefined
  const sent = decode(decodeSent, parseJson(content, 65_536))
  return sent.commandId === commandId ? sent : undefined
}
