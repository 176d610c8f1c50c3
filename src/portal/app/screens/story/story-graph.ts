import { describeEvidence } from '../../parts/evidence-text.ts'

/** What the story needs of an alert. */
export interface StoryAlert {
  readonly id: string
  readonly title: string | null
  readonly createdDateTime: string | null
  readonly firstActivityDateTime: string | null
  readonly evidence: readonly Readonly<Record<string, unknown>>[]
}

/** What an action of ours did to a thing and has not taken back. */
export type Containment = 'isolated' | 'disabled' | 'quarantined' | 'restricted'

/** One alert or thing of the picture, or several alike that stand in it as one. */
export interface StoryNode {
  /** `alert {id}`, or kind and name as the evidence tab has them; for several alike `fold {kind} {first of them}`. */
  readonly id: string
  /** `alert`, or the kind of evidence. */
  readonly kind: string
  readonly label: string
  /** From left to right: alerts, what acts (files, processes, people, addresses), where it acts (devices, mailboxes). */
  readonly layer: 0 | 1 | 2
  /** When it was first seen; an instant as text. */
  readonly firstAt: string
  /** Titles of the alerts that name it, its own for an alert. */
  readonly alerts: readonly string[]
  readonly state: Containment | null
  /** Those it stands for; itself alone unless folded. */
  readonly members: readonly StoryMember[]
}

export interface StoryMember {
  readonly id: string
  readonly label: string
  readonly state: Containment | null
}

/** A line of the picture. */
export interface StoryEdge {
  readonly from: string
  readonly to: string
  /** Titles of the alerts that say so. */
  readonly alerts: readonly string[]
}

export interface StoryGraph {
  /** In the order of time. */
  readonly nodes: readonly StoryNode[]
  readonly edges: readonly StoryEdge[]
}

/** So many nodes stay readable on one screen; more are folded. @source design portal 8 */
export const maxNodes = 60

const places = new Set([
  ...['device', 'ioTDevice', 'mailbox', 'mailboxConfiguration', 'container', 'kubernetesPod', 'cloudApplication'],
  ...['azureResource', 'amazonResource', 'googleCloudResource'],
])

/** Containment by the thing's id in lower case: `device web-07`. */
export type Containments = ReadonlyMap<string, Containment>

/** Draws up the story of an incident: each alert leads to what acted, and that to where it acted. */
export function drawUpStory(alerts: readonly StoryAlert[], contained: Containments): StoryGraph {
  const nodes = new Map<string, StoryNode>()
  const edges = new Map<string, StoryEdge>()
  const connect = (from: string, to: string, title: string): void => {
    const key = `${from}\n${to}`
    const known = edges.get(key)?.alerts ?? []
    edges.set(key, { from, to, alerts: known.includes(title) ? known : [...known, title] })
  }
  for (const alert of [...alerts].sort((a, b) => compareText(timeOf(a), timeOf(b)) || compareText(a.id, b.id))) {
    const title = alert.title || alert.id
    const own = `alert ${alert.id}`
    nodes.set(own, makeNode({ id: own, kind: 'alert', label: title, layer: 0 }, timeOf(alert), [title], null))
    const named = alert.evidence.map((evidence) => addThing(nodes, describeEvidence(evidence), alert, contained))
    const actors = named.filter((id) => nodes.get(id)?.layer === 1)
    const sites = named.filter((id) => nodes.get(id)?.layer === 2)
    for (const actor of actors) connect(own, actor, title)
    for (const site of sites) {
      if (actors.length === 0) connect(own, site, title)
      for (const actor of actors) connect(actor, site, title)
    }
  }
  const inOrder = [...nodes.values()].sort((a, b) => compareText(a.firstAt, b.firstAt) || a.layer - b.layer)
  return { nodes: inOrder, edges: [...edges.values()] }
}

/** Instants compare as the texts they are: seven digits are more than a Date holds. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function timeOf(alert: StoryAlert): string {
  return alert.firstActivityDateTime ?? alert.createdDateTime ?? ''
}

function addThing(
  nodes: Map<string, StoryNode>,
  { kind, name }: { readonly kind: string; readonly name: string },
  alert: StoryAlert,
  contained: Containments,
): string {
  const id = `${kind} ${name}`
  const title = alert.title || alert.id
  const known = nodes.get(id)
  if (known === undefined) {
    const state = contained.get(id.toLowerCase()) ?? null
    const thing = { id, kind, label: name, layer: places.has(kind) ? (2 as const) : (1 as const) }
    nodes.set(id, makeNode(thing, timeOf(alert), [title], state))
  } else if (!known.alerts.includes(title)) nodes.set(id, { ...known, alerts: [...known.alerts, title] })
  return id
}

function makeNode(
  thing: Pick<StoryNode, 'id' | 'kind' | 'label' | 'layer'>,
  firstAt: string,
  alerts: readonly string[],
  state: Containment | null,
): StoryNode {
  return { ...thing, firstAt, alerts, state, members: [{ id: thing.id, label: thing.label, state }] }
}

/**
 * Folds what is alike until at most {@link maxNodes} are left: first things of one kind with the same neighbours, then alerts of one title,
 * then the least connected of whatever kind there is most of.
 */
export function foldStory(graph: StoryGraph, max: number = maxNodes): StoryGraph {
  let folded = graph
  for (const groupOf of [alikeBy(graph), titleOf]) {
    if (folded.nodes.length <= max) return folded
    let left = folded.nodes.length
    const groups: StoryNode[][] = []
    for (const group of [...groupBy(folded.nodes, groupOf).values()].sort((x, y) => y.length - x.length)) {
      if (left <= max || group.length < 3) break
      groups.push(group)
      left -= group.length - 1
    }
    folded = foldEach(folded, groups)
  }
  while (folded.nodes.length > max) {
    const next = foldCommonest(folded, folded.nodes.length - max)
    if (next.nodes.length === folded.nodes.length) break
    folded = next
  }
  return folded
}

/** Those without a group are left out. */
function groupBy(nodes: readonly StoryNode[], groupOf: (node: StoryNode) => string | null): Map<string, StoryNode[]> {
  const groups = new Map<string, StoryNode[]>()
  for (const node of nodes) {
    const group = groupOf(node)
    if (group === null) continue
    const known = groups.get(group)
    if (known) known.push(node)
    else groups.set(group, [node])
  }
  return groups
}

function alikeBy({ edges }: StoryGraph): (node: StoryNode) => string {
  const neighbours = new Map<string, string[]>()
  const note = (id: string, other: string): void => {
    const known = neighbours.get(id)
    if (known) known.push(other)
    else neighbours.set(id, [other])
  }
  for (const { from, to } of edges) {
    note(from, to)
    note(to, from)
  }
  return ({ id, kind }) => `${kind}\n${(neighbours.get(id) ?? []).sort().join('\n')}`
}

function titleOf({ kind, alerts }: StoryNode): string | null {
  return kind === 'alert' ? (alerts[0] ?? null) : null
}

function foldCommonest(graph: StoryGraph, over: number): StoryGraph {
  const degrees = new Map<string, number>()
  for (const id of graph.edges.flatMap(({ from, to }) => [from, to])) degrees.set(id, (degrees.get(id) ?? 0) + 1)
  const kinds = [...groupBy(graph.nodes, ({ kind }) => kind).values()].sort((a, b) => b.length - a.length)
  const [most] = kinds
  if (most === undefined || most.length < 2) return graph
  // What is folded already goes first, so that each kind ends with one fold.
  const byWeight = [...most].sort(
    (a, b) => b.members.length - a.members.length || (degrees.get(a.id) ?? 0) - (degrees.get(b.id) ?? 0),
  )
  return foldEach(graph, [byWeight.slice(0, Math.max(2, Math.min(over + 1, most.length)))])
}

/** Puts each group into one node, where its first member stood. */
function foldEach(graph: StoryGraph, groups: readonly (readonly StoryNode[])[]): StoryGraph {
  const place = new Map(graph.nodes.map(({ id }, index) => [id, index]))
  const folds = new Map<string, StoryNode>()
  const renamed = new Map<string, string>()
  for (const group of groups) {
    const inOrder = [...group].sort((a, b) => (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0))
    const [first] = inOrder
    if (first === undefined) continue
    const fold = foldNodes(first, inOrder)
    folds.set(first.id, fold)
    for (const { id } of inOrder) renamed.set(id, fold.id)
  }
  const edges = new Map<string, StoryEdge>()
  for (const edge of graph.edges) {
    const [from, to] = [renamed.get(edge.from) ?? edge.from, renamed.get(edge.to) ?? edge.to]
    const known = edges.get(`${from}\n${to}`)
    const alerts = known === undefined ? edge.alerts : [...new Set([...known.alerts, ...edge.alerts])]
    if (from !== to) edges.set(`${from}\n${to}`, { from, to, alerts })
  }
  const nodes = graph.nodes.flatMap((node) => folds.get(node.id) ?? (renamed.has(node.id) ? [] : [node]))
  return { nodes, edges: [...edges.values()] }
}

function foldNodes(first: StoryNode, group: readonly StoryNode[]): StoryNode {
  const members = group.flatMap((node) => node.members)
  return {
    ...first,
    id: `fold ${first.kind} ${members[0]?.id ?? ''}`,
    label: `${members.length} of kind ${first.kind}`,
    alerts: [...new Set(group.flatMap(({ alerts }) => alerts))],
    state: members.find(({ state }) => state !== null)?.state ?? null,
    members,
  }
}

/** The nodes one edge away, in the order of time. */
export function neighboursOf(graph: StoryGraph, id: string): readonly StoryNode[] {
  const near = new Set(graph.edges.flatMap(({ from, to }) => (from === id ? [to] : to === id ? [from] : [])))
  return graph.nodes.filter((node) => near.has(node.id))
}
