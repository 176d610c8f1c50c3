import { type QueryClient, queryOptions, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useMemo, useState } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import type { Alert, Incident, Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Badge, Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Time } from '../../parts/time.tsx'
import { firstOf, type Search, writeSearch } from '../../paths.ts'
import type { About } from '../propose/draft.ts'
import { useContainments } from './containments.ts'
import { isWide, layOut } from './layout.ts'
import { nodeSize, StoryPicture } from './picture.tsx'
import { drawUpStory, foldStory, type StoryGraph, type StoryNode } from './story-graph.ts'
import { StoryTable } from './story-table.tsx'

const ProposeDialog = lazy(() => import('../propose/propose.tsx'))

const stepMs = 900
interface StoryProps {
  readonly incident: Incident
  readonly alerts: readonly Alert[]
  /** Alerts the incident has; `alerts` may be the newest of them only. */
  readonly total: number
  readonly tasks: readonly Task[]
}

/** How the attack spread, from the alerts to what acted to where it acted: a picture, and a table that says the same. */
export default function AttackStory({ incident, alerts, total, tasks }: StoryProps) {
  const search: Search = useSearch({ strict: false })
  const navigate = useNavigate()
  const [about, setAbout] = useState<About | null>(null)
  const contained = useContainments(tasks)
  const { whole, graph } = useMemo(() => {
    const drawn = drawUpStory(alerts, contained)
    return { whole: drawn, graph: foldStory(drawn) }
  }, [alerts, contained])
  const selected = graph.nodes.find(({ id }) => id === firstOf(search, 'sel')) ?? null
  const select = (id: string): void => {
    const sel = id === selected?.id ? '' : id
    void navigate({ href: `${location.pathname}${writeSearch({ ...search, sel })}`, replace: true })
  }
  return (
    <section className="box space-y-3 p-4 lg:col-span-2" aria-label="Attack story">
      <div>
        <h2>Attack story</h2>
        <p className="text-meta text-ink-2">
          {total > alerts.length ? `The newest ${alerts.length} of ${writeCount(total, 'alert', 'alerts')}. ` : ''}
          {graph.nodes.length < whole.nodes.length
            ? `${whole.nodes.length} alerts and things, those alike folded into ${graph.nodes.length}.`
            : `${writeCount(graph.nodes.length, 'alert', 'alerts and things')}.`}{' '}
          A ring marks what is isolated, disabled or quarantined.
        </p>
      </div>
      {alerts.length === 0 ? (
        <p>No alert stands here yet. It is drawn with the first one.</p>
      ) : (
        <Steps graph={graph} selected={selected?.id ?? null} onSelect={select} />
      )}
      {selected === null ? null : <Selected node={selected} onPropose={setAbout} />}
      {alerts.length === 0 ? null : <StoryTable graph={graph} selected={selected?.id ?? null} onSelect={select} />}
      <Suspense fallback={null}>
        {about === null ? null : <ProposeDialog incident={incident} about={about} onClose={() => setAbout(null)} />}
      </Suspense>
    </section>
  )
}

/** The picture, whole or up to one of its alerts. */
function Steps(props: { graph: StoryGraph; selected: string | null; onSelect: (id: string) => void }) {
  const { graph } = props
  const times = [...new Set(graph.nodes.map(({ firstAt }) => firstAt))]
  const last = times.length - 1
  const [step, setStep] = useState<number | null>(null)
  const [isPlaying, play] = useState(false)
  const at = Math.min(step ?? last, last)
  useEffect(() => {
    if (!isPlaying) return
    const timer = setTimeout(() => (at < last ? setStep(at + 1) : play(false)), stepMs)
    return () => clearTimeout(timer)
  }, [isPlaying, at, last])
  return (
    <>
      <PictureBox {...props} isLater={({ firstAt }) => firstAt > (times[at] ?? '')} />
      {last < 1 ? null : (
        <div className="flex flex-wrap items-center gap-2">
          <Button off={at > 0 ? null : 'This is the first.'} onPress={() => setStep(at - 1)}>
            Earlier
          </Button>
          <Button off={at < last ? null : 'This is the newest.'} onPress={() => setStep(at + 1)}>
            Later
          </Button>
          {/* Who wants no motion goes step by step. */}
          {matchMedia('(prefers-reduced-motion: reduce)').matches ? null : (
            <Button
              onPress={() => {
                if (!isPlaying && at === last) setStep(0)
                play(!isPlaying)
              }}
            >
              {isPlaying ? 'Stop' : 'Play'}
            </Button>
          )}
          <span className="text-meta text-ink-2">
            Step {at + 1} of {last + 1}: up to <Time at={times[at] || null} exact />
          </span>
        </div>
      )}
    </>
  )
}

/** How a layout is asked for: once for a graph, whoever asks first. */
function layoutQuery(graph: StoryGraph) {
  const place = new Map(graph.nodes.map(({ id }, index) => [id, index]))
  const edges = graph.edges.map(({ from, to }) => [place.get(from) ?? 0, place.get(to) ?? 0] as const)
  const asked = { sizes: graph.nodes.map(() => nodeSize), edges }
  return queryOptions({
    queryKey: ['layout', JSON.stringify([[...place.keys()], edges])],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => layOut(asked),
  })
}

/** Has the picture of these alerts laid out while the page is still being put together. */
export function layOutAhead(queries: QueryClient, alerts: readonly Alert[]): void {
  if (isWide() && alerts.length > 0) void queries.prefetchQuery(layoutQuery(foldStory(drawUpStory(alerts, new Map()))))
}

/** Lays the graph out, in a worker, and draws it; on a narrow window only when asked to, as the table says the same. */
function PictureBox(props: {
  graph: StoryGraph
  selected: string | null
  onSelect: (id: string) => void
  isLater: (node: StoryNode) => boolean
}) {
  const { graph } = props
  const [isWanted, want] = useState(isWide)
  const query = useMemo(() => layoutQuery(graph), [graph])
  const laidOut = useQuery({ ...query, enabled: isWanted })
  if (!isWanted) {
    return (
      <button type="button" className="button" onClick={() => want(true)}>
        Open the picture
      </button>
    )
  }
  if (laidOut.isError) return <p role="alert">The picture cannot be drawn here. The table says the same.</p>
  return (
    <div className="max-h-[28rem] min-h-24 overflow-auto" data-story={laidOut.data === undefined ? 'waiting' : 'drawn'}>
      {laidOut.data === undefined ? null : <StoryPicture {...props} picture={laidOut.data} />}
    </div>
  )
}

/** What is known of the node, and what can be done about it. */
function Selected({ node, onPropose }: { node: StoryNode; onPropose: (about: About) => void }) {
  const { isAuditor, may } = useApp()
  const off = may('Cordon.Expert') ? null : 'Only experts propose tasks.'
  return (
    <div className="rounded-box bg-sunken p-3" data-selected={node.id}>
      <h3>
        <span className="text-ink-2">{node.kind} </span>
        <Name>{node.label}</Name> {node.state === null ? null : <Badge tone="done">{node.state}</Badge>}
      </h3>
      <p className="text-meta text-ink-2">
        In {writeCount(node.alerts.length, 'alert', 'alerts')}; first seen{' '}
        <Time at={node.firstAt === '' ? null : node.firstAt} exact />
      </p>
      {node.kind === 'alert' && node.members.length === 1 ? null : (
        <ul className="mt-2 max-h-48 space-y-1 overflow-auto">
          {node.members.map(({ id, label, state }) => (
            <li key={id} className="flex flex-wrap items-center gap-2">
              <code>
                <Name>{label}</Name>
              </code>
              {state === null ? null : <Badge tone="done">{state}</Badge>}
              {isAuditor || node.kind === 'alert' ? null : (
                <Button
                  off={off}
                  label={`Propose an action on ${label}`}
                  onPress={() => onPropose({ kind: node.kind, name: label })}
                >
                  Propose an action
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
