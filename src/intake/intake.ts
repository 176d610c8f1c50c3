import { setImmediate, setTimeout } from 'node:timers/promises'
import { instantOf } from '../io/clock.ts'
import type { Actor } from '../store/record.ts'
import {
  type IntakeContext,
  isRejection,
  type Normalised,
  type NormalisedAlert,
  type Rejection,
  reject,
  type Source,
} from './normalised.ts'
import type { RawRecord } from './reading/record.ts'
import { openRecords } from './reading/records.ts'
import { maxBatch, type ReceiveDeps, receiveAlerts } from './receive.ts'

/** A record that is not taken in, by its line (from 1). `error` is for the sender. */
export interface RejectedRecord {
  readonly line: number
  readonly error: string
}

/** What became of a file or request: every record is in exactly one of the first four. */
export interface IntakeReport {
  readonly accepted: number
  readonly duplicates: number
  /** Well-formed events that are no alerts. */
  readonly ignored: number
  /** How many records are rejected; `rejected` lists the first {@link maxListed}. */
  readonly rejectedCount: number
  readonly rejected: readonly RejectedRecord[]
  readonly incidentsOpened: number
  readonly incidentsMerged: number
}

/** Rejections listed one by one. */
export const maxListed = 1_000

/** An alert's time may be ahead of ours by this much; more would keep it on top of every list. */
const maxAheadMs = 24 * 3_600_000

/** A file or request on its way in. */
export interface Intake {
  /** Takes the next bytes. @throws CordonError as {@link receiveAlerts}; BadRequest for a CSV header that lacks a column */
  push(chunk: Buffer): Promise<void>
  /** Stores what is left and reports. */
  end(): Promise<IntakeReport>
  /** What has become of the bytes so far. */
  report(): IntakeReport
}

/**
 * Opens an intake of one source. It reads, normalises and stores as bytes come, holding a few hundred records at most; between batches
 * other work gets its turn. A record that is no alert is reported with its line, and the rest goes on.
 */
export function openIntake(deps: ReceiveDeps, actor: Actor, source: Source): Intake {
  const reader = openRecords(source)
  const total = { accepted: 0, duplicates: 0, ignored: 0, rejectedCount: 0, incidentsOpened: 0, incidentsMerged: 0 }
  const rejected: RejectedRecord[] = []
  const gathered: NormalisedAlert[] = []
  const batchSize = deps.batchSize ?? maxBatch

  const store = async (least: number): Promise<void> => {
    while (gathered.length >= least && gathered.length > 0) {
      const outcome = await receiveAlerts(deps, actor, source.name, gathered.splice(0, batchSize))
      total.accepted += outcome.accepted
      total.duplicates += outcome.duplicates
      total.incidentsOpened += outcome.incidentsOpened
      total.incidentsMerged += outcome.incidentsMerged
      await (deps.pauseMs === undefined ? setImmediate() : setTimeout(deps.pauseMs))
    }
  }
  const refuse = (line: number, error: string): void => {
    total.rejectedCount += 1
    if (rejected.length < maxListed) rejected.push({ line, error })
  }
  const gather = (records: readonly RawRecord[]): void => {
    const context: IntakeContext = { receivedAt: deps.clock.now(), senderId: actor.id }
    for (const record of records) {
      const outcome = 'error' in record ? reject(record.error) : normaliseRecord(source, record.value, context)
      if (outcome === 'ignored') total.ignored += 1
      else if (isRejection(outcome)) refuse(record.line, outcome.rejected)
      else gathered.push(outcome)
    }
  }
  const report = (): IntakeReport => ({ ...total, rejected: [...rejected] })
  return {
    push: async (chunk) => {
      gather(reader.push(chunk))
      await store(batchSize)
    },
    end: async () => {
      gather(reader.end())
      await store(1)
      return report()
    },
    report,
  }
}

/** Normalises one record and checks what holds for every source. */
export function normaliseRecord(source: Source, raw: unknown, context: IntakeContext): Normalised {
  const outcome = source.normalise(raw, context)
  return outcome === 'ignored' || isRejection(outcome) ? outcome : checkTimes(outcome, context.receivedAt)
}

/** Refuses an alert whose times lie more than a day ahead of `receivedAt` (7-digit instant). */
export function checkTimes(alert: NormalisedAlert, receivedAt: string): NormalisedAlert | Rejection {
  const { createdDateTime, lastActivityDateTime } = alert.content
  const latestTime = instantOf(Date.parse(`${receivedAt.slice(0, 23)}Z`) + maxAheadMs)
  if (createdDateTime <= latestTime && lastActivityDateTime <= latestTime) return alert
  return reject("The alert's time lies more than a day in the future.")
}
