import { type Attention, acknowledgeIncident, noteSight, readAttention } from '../../../notify/people/attention.ts'
import type { PreferenceDeps } from '../../../notify/people/preferences.ts'
import type { Answer, AuthorizedHandler } from '../../route.ts'

/** GET /api/v1/incidents/{id}/attention: who has seen an incident, who has taken it on, and what comes when nobody does. */
export function getAttention(deps: PreferenceDeps): AuthorizedHandler {
  return async (call) => answer(await readAttention(deps.store.read, call.caller.tenantId, call.params.id ?? ''))
}

/** POST /api/v1/incidents/{id}/seen: the caller has it in front of them. Again is nothing. */
export function seeIncident(deps: PreferenceDeps): AuthorizedHandler {
  return async (call) => {
    await noteSight(deps, call.caller, call.params.id ?? '')
    return { status: 204 }
  }
}

/** POST /api/v1/incidents/{id}/acknowledge: assigns it to the caller and ends its escalation. */
export function acknowledge(deps: PreferenceDeps): AuthorizedHandler {
  return async (call) => answer(await acknowledgeIncident(deps, call.caller, call.params.id ?? ''))
}

function answer({ seenBy, acknowledgedBy, escalation }: Attention): Answer {
  const show = ({ id, name, at }: Attention['seenBy'][number]) => ({ id, displayName: name, dateTime: at })
  const body = {
    seenBy: seenBy.map(show),
    acknowledgedBy: acknowledgedBy === null ? null : show(acknowledgedBy),
    escalation: escalation === null ? null : { nextStep: escalation.step, nextDateTime: escalation.at },
  }
  return { status: 200, body: JSON.stringify(body) }
}
