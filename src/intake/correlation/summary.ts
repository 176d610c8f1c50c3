import type { EntityKind } from '../normalised.ts'
import type { CorrelatedAlert } from './state.ts'

/** What an incident's title, severity, tags and score follow from. Kept beside the incident and carried on with each alert. */
export interface Summary {
  /** Collects a rule that keeps firing; ties nothing together. */
  readonly recurring: boolean
  /** Distinct pairs of rule and entity: alerts after grouping repeats. */
  readonly groups: number
  /** Highest severity of its alerts, as number. */
  readonly severity: number
  /** The strongest and most frequent rules, at most {@link maxKept}. */
  readonly rules: readonly RuleCount[]
  /** What its alerts are about most, at most {@link maxKept}. */
  readonly subjects: readonly SubjectCount[]
  /** MITRE technique ids, in order of appearance. */
  readonly techniques: readonly string[]
  readonly tags: readonly string[]
}

/** A rule by its title. */
export interface RuleCount {
  readonly title: string
  readonly severity: number
  readonly alerts: number
}

/** A thing by its name. */
export interface SubjectCount {
  readonly kind: EntityKind
  readonly value: string
  readonly alerts: number
}

const maxKept = 24
const maxTags = 50

/** Of an incident without alerts. */
export function emptySummary(recurring: boolean): Summary {
  return { recurring, groups: 0, severity: 0, rules: [], subjects: [], techniques: [], tags: [] }
}

/** Adds one alert; `startsGroup` when its rule and entity are new to the incident. */
export function addAlert(
  summary: Summary,
  alert: CorrelatedAlert,
  subject: { readonly kind: EntityKind; readonly value: string } | null,
  startsGroup: boolean,
): Summary {
  const rule = { title: alert.title, severity: alert.severity, alerts: 1 }
  const { subjects } = summary
  return {
    recurring: summary.recurring,
    groups: summary.groups + (startsGroup ? 1 : 0),
    severity: Math.max(summary.severity, alert.severity),
    rules: addRule(summary.rules, rule),
    subjects:
      subject === null ? subjects : addSubject(subjects, { kind: subject.kind, value: subject.value, alerts: 1 }),
    techniques: union(summary.techniques, alert.techniques),
    tags: union(summary.tags, alert.tags),
  }
}

/** What the survivor of a merge has. */
export function mergeSummaries(into: Summary, from: Summary): Summary {
  return {
    recurring: into.recurring && from.recurring,
    groups: into.groups + from.groups,
    severity: Math.max(into.severity, from.severity),
    rules: from.rules.reduce(addRule, into.rules),
    subjects: from.subjects.reduce(addSubject, into.subjects),
    techniques: union(into.techniques, from.techniques),
    tags: union(into.tags, from.tags),
  }
}

function addRule(rules: readonly RuleCount[], added: RuleCount): readonly RuleCount[] {
  const at = rules.findIndex((rule) => rule.title === added.title)
  const known = rules[at]
  if (known === undefined) return keepBest([...rules, added], compareRules)
  const severity = Math.max(known.severity, added.severity)
  return rules.with(at, { title: known.title, severity, alerts: known.alerts + added.alerts })
}

function addSubject(subjects: readonly SubjectCount[], added: SubjectCount): readonly SubjectCount[] {
  const at = subjects.findIndex((subject) => subject.kind === added.kind && subject.value === added.value)
  const known = subjects[at]
  if (known === undefined) return keepBest([...subjects, added], compareSubjects)
  return subjects.with(at, { ...known, alerts: known.alerts + added.alerts })
}

function keepBest<T>(items: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  return items.length <= maxKept ? items : [...items].sort(compare).slice(0, maxKept)
}

function union(known: readonly string[], added: readonly string[]): readonly string[] {
  const fresh = added.filter((item) => !known.includes(item))
  return fresh.length === 0 ? known : [...known, ...fresh].slice(0, maxTags)
}

function compareRules(a: RuleCount, b: RuleCount): number {
  return b.severity - a.severity || b.alerts - a.alerts || compareText(a.title, b.title)
}

function compareSubjects(a: SubjectCount, b: SubjectCount): number {
  return b.alerts - a.alerts || compareText(a.kind, b.kind) || compareText(a.value, b.value)
}

function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

const maxTitle = 512
const medium = 128
const high = 256

/**
 * The incident's name: its strongest and most frequent rules and what they are about most. Three rules or more with at least a medium
 * alert among them are called multi-stage; activity that never pauses is called recurring. At most 512 characters.
 */
export function titleOf(summary: Summary): string {
  const rules = [...summary.rules].sort(compareRules)
  const subjects = [...summary.subjects].sort(compareSubjects)
  const shown = rules.slice(0, 2).map((rule) => shorten(rule.title.replace(/\.$/, ''), 160))
  const list = rules.length > 2 ? `${shown.join(', ')} and ${countMore(rules.length, 2)} more` : shown.join(' and ')
  const main = subjects[0]
  const others = subjects.length > 1 ? ` and ${countMore(subjects.length, 1)} more` : ''
  const place = main === undefined ? '' : ` on ${shorten(main.value, 80)}${others}`
  return shorten(`${prefixOf(summary, rules.length)}${list}${place}`, maxTitle)
}

/** Beyond {@link maxKept} nobody counts. */
function countMore(known: number, shown: number): string {
  return known < maxKept ? String(known - shown) : `${known - shown}+`
}

function prefixOf(summary: Summary, rules: number): string {
  if (summary.recurring) return 'Recurring: '
  return rules >= 3 && summary.severity >= medium ? 'Multi-stage: ' : ''
}

function shorten(text: string, max: number): string {
  const characters = [...text]
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join('')}…`
}

/**
 * Priority 0-100, higher first: the severity of the worst alert (informational 5, low 20, medium 45, high 70), plus 2 for each doubling
 * of the distinct rules and entities (at most 10), plus 2 for each MITRE technique (at most 10), plus 2 for each further thing involved
 * (at most 8), plus 5 when a high alert is not alone. Recurring activity gets half.
 */
export function scoreOf(summary: Summary): number {
  const { severity } = summary
  const base = severity >= high ? 70 : severity >= medium ? 45 : severity >= 64 ? 20 : 5
  const breadth = Math.min(10, 2 * Math.floor(Math.log2(Math.max(1, summary.groups))))
  const techniques = Math.min(10, 2 * summary.techniques.length)
  const reach = Math.min(8, 2 * Math.max(0, summary.subjects.length - 1))
  const company = severity >= high && summary.rules.length > 1 ? 5 : 0
  const score = base + breadth + techniques + reach + company
  return Math.min(100, summary.recurring ? Math.floor(score / 2) : score)
}
