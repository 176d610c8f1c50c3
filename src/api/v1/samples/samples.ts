import {
  findSample,
  type LoadedSample,
  loadSample,
  removeSample,
  type SampleDeps,
} from '../../../respond/samples/samples.ts'
import type { AuthorizedHandler } from '../../route.ts'

/** GET /api/v1/samples: whether the sample incident is loaded, and which it is. */
export function getSamples(deps: Pick<SampleDeps, 'store'>): AuthorizedHandler {
  return async (call) => answer(200, await findSample(deps.store.read, call.caller.tenantId))
}

/** POST /api/v1/samples: loads the sample incident. 201 when it is new, 200 when it was there. */
export function loadSamples(deps: SampleDeps): AuthorizedHandler {
  return async (call) => {
    const { sample, isNew } = await loadSample(deps, call.caller)
    return answer(isNew ? 201 : 200, sample)
  }
}

/** DELETE /api/v1/samples: removes the sample incident with everything that hangs on it. */
export function removeSamples(deps: Omit<SampleDeps, 'ids'>): AuthorizedHandler {
  return async (call) => {
    await removeSample(deps, call.caller)
    return { status: 204 }
  }
}

function answer(status: 200 | 201, sample: LoadedSample | null) {
  const body = {
    loaded: sample !== null,
    incidentId: sample?.incidentId ?? null,
    alertIds: sample?.alertIds ?? [],
    taskIds: sample?.taskIds ?? [],
    loadedDateTime: sample?.loadedAt ?? null,
  }
  return { status, body: JSON.stringify(body) }
}
