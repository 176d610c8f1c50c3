import { setImmediate } from 'node:timers/promises'
import { type Intake, type IntakeReport, maxListed, openIntake } from '../../../intake/intake.ts'
import type { ReceiveDeps } from '../../../intake/receive.ts'
import { findSource, sources } from '../../../intake/sources/list.ts'
import { CordonError } from '../../../model/errors.ts'
import type { Answer, AuthorizedHandler, Route } from '../../route.ts'

/** Largest body, also after inflation. */
const maxIntakeBytes = 16 * 1_048_576

/** Bytes read in one go; other requests get their turn in between. */
const sliceBytes = 128 * 1024

/** Alerts per transaction: a transaction holds up other requests. */
const batchSize = 250

/**
 * `POST /api/v1/intake/{source}`: JSON (an object, an array or one object per line), or CSV for sources that write it.
 * 202 `{accepted, duplicates, ignored, rejected: [{line, error}], incidentsOpened, incidentsMerged}`; when more than 1,000 records are
 * rejected, `rejectedCount` tells how many there are. Lines count from 1 in the body as inflated.
 * @throws CordonError ResourceNotFound for a source that does not exist; ServiceUnavailable when the store cannot be written: what was
 *   stored before stays, and sending the same body again stores the rest
 * @source design contract 10
 */
export function receiveIntake(deps: ReceiveDeps): AuthorizedHandler {
  return async (call) => {
    const name = (call.params.source ?? '').toLowerCase()
    const source = findSource(name)
    if (source === null) {
      const known = Object.keys(sources).join(', ')
      throw new CordonError('ResourceNotFound', `No alert source '${name.slice(0, 64)}'. There are: ${known}.`)
    }
    if (!Buffer.isBuffer(call.body)) throw new TypeError('the route must hand over the bytes')
    const intake = openIntake({ ...deps, batchSize }, call.caller, source)
    return answer(await readAll(intake, call.body))
  }
}

/** The route of {@link receiveIntake}. */
export function intakeRoute(deps: ReceiveDeps): Route {
  return {
    method: 'POST',
    path: '/api/v1/intake/:source',
    access: { kind: 'permissions', anyOf: ['SecurityAlert.Create.All', 'SecurityAlert.ReadWrite.All'] },
    body: 'bytes',
    maxBodyBytes: maxIntakeBytes,
    handle: receiveIntake(deps),
  }
}

async function readAll(intake: Intake, body: Buffer): Promise<IntakeReport> {
  for (let start = 0; start < body.length; start += sliceBytes) {
    await intake.push(body.subarray(start, start + sliceBytes))
    await setImmediate()
  }
  return intake.end()
}

function answer(report: IntakeReport): Answer {
  const { rejectedCount, ...shown } = report
  return { status: 202, body: JSON.stringify(rejectedCount > maxListed ? report : shown) }
}
