import type { Tone } from '../../../shown/words.ts'
import { listOf, nullable, type Read, record, text, truth } from '../../api/read.ts'

const agent = record({
  id: text,
  hostName: text,
  fqdn: nullable(text),
  os: nullable(text),
  agentVersion: nullable(text),
  enrolledAt: text,
  lastSeenAt: nullable(text),
  health: text,
  isolated: nullable(truth),
  isolatedUntil: nullable(text),
  restricted: nullable(truth),
  restrictedUntil: nullable(text),
  actions: listOf(record({ actionType: text, supported: truth, reason: nullable(text) })),
})

/** A host that Cordon controls. */
export type Agent = Read<typeof agent>

/** Every host of the tenant, as `/api/v1/agents` lists them. */
export const agents = record({ value: listOf(agent) })

/** The colour of a host's health. */
export const tones: Readonly<Record<string, Tone>> = {
  online: 'done',
  silent: 'medium',
  never: 'quiet',
  waiting: 'medium',
  revoked: 'quiet',
  cloned: 'high',
}
