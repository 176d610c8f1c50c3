import { type KeyboardEvent, useRef, useState } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import type { Picture } from './layout.ts'
import type { StoryGraph, StoryNode } from './story-graph.ts'
import { findNext } from './walk-picture.ts'

/** A node's box in CSS pixels; also what the layout reckons with. */
export const nodeSize = { width: 176, height: 44 } as const

const icons: Readonly<Record<string, string>> = {
  alert: '△',
  device: '▢',
  user: '☺',
  file: '▤',
  process: '⚙',
  ip: '⌖',
  url: '↗',
  mailbox: '✉',
}

/** Letters of a label that fit into a box. */
const maxLetters = 20

interface PictureProps {
  readonly graph: StoryGraph
  readonly picture: Picture
  readonly selected: string | null
  readonly onSelect: (id: string) => void
  /** Nodes that are not there yet at the step that is shown. */
  readonly isLater: (node: StoryNode) => boolean
}

/**
 * The story as a picture. One stop for the Tab key: arrows lead along the lines to the left and right, and down and up through the columns,
 * one after the other; Enter or Space selects.
 */
export function StoryPicture({ graph, picture, selected, onSelect, isLater }: PictureProps) {
  const place = (index: number): { x: number; y: number } => picture.places[index] ?? { x: 0, y: 0 }
  const [active, setActive] = useState<string | null>(null)
  const box = useRef<SVGSVGElement>(null)
  const ids = graph.nodes.map(({ id }) => id)
  const stop = [active, selected, ids[0]].find((id) => id !== null && id !== undefined && ids.includes(id))
  const onKey = (event: KeyboardEvent, index: number): void => {
    if (event.key === 'Enter' || event.key === ' ') onSelect(ids[index] ?? '')
    else {
      const to = findNext(event.key, index, { graph, picture })
      if (to === null) return
      setActive(ids[to] ?? null)
      box.current?.querySelectorAll<SVGGElement>('[role=button]')[to]?.focus()
    }
    event.preventDefault()
  }
  return (
    <svg ref={box} width={picture.width} height={picture.height} role="group" aria-label="Attack story, picture">
      <defs>
        <marker id="story-arrow" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" markerHeight="6" orient="auto">
          <path d="M0 0L6 3L0 6z" className="story-arrow" />
        </marker>
      </defs>
      {graph.edges.map(({ from, to, alerts }) => {
        const ends = [place(ids.indexOf(from)), place(ids.indexOf(to))] as const
        const isNear = selected !== null && (from === selected || to === selected)
        return (
          <path
            key={`${from}\n${to}`}
            d={lineOf(...ends)}
            className={isNear ? 'story-line story-line-near' : 'story-line'}
            markerEnd="url(#story-arrow)"
          >
            <title>{alerts.join(', ')}</title>
          </path>
        )
      })}
      {graph.nodes.map((node, index) => (
        <Box
          key={node.id}
          node={node}
          at={place(index)}
          isSelected={node.id === selected}
          isStop={node.id === stop}
          isLater={isLater(node)}
          onPick={() => {
            setActive(node.id)
            onSelect(node.id)
          }}
          onKey={(event) => onKey(event, index)}
        />
      ))}
    </svg>
  )
}

function lineOf(from: { x: number; y: number }, to: { x: number; y: number }): string {
  const [startX, endX] = [from.x + nodeSize.width / 2, to.x - nodeSize.width / 2]
  const middle = (startX + endX) / 2
  return `M${startX} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${endX} ${to.y}`
}

/** What a node says to a screen reader: kind, name, state, alerts. */
export function describeNode({ kind, label, state, alerts, members }: StoryNode): string {
  const about = kind === 'alert' ? '' : `, in ${writeCount(alerts.length, 'alert', 'alerts')}`
  const name = members.length > 1 ? label : `${kind} ${label}`
  return `${name}${state === null ? '' : `, ${state}`}${about}`
}

function Box(props: {
  node: StoryNode
  at: { x: number; y: number }
  isSelected: boolean
  isStop: boolean
  isLater: boolean
  onPick: () => void
  onKey: (event: KeyboardEvent) => void
}) {
  const { node, at, isSelected, isStop, isLater, onPick, onKey } = props
  const { width, height } = nodeSize
  const { label, kind, state, members } = node
  const shown = [...label].length > maxLetters ? `${[...label].slice(0, maxLetters - 1).join('')}…` : label
  return (
    <g
      role="button"
      tabIndex={isStop ? 0 : -1}
      data-entity-id={node.id}
      data-state={state ?? undefined}
      aria-pressed={isSelected}
      aria-label={describeNode(node)}
      className={`story-node ${isLater ? 'story-later' : ''}`}
      transform={`translate(${at.x - width / 2} ${at.y - height / 2})`}
      onClick={onPick}
      onKeyDown={onKey}
    >
      {members.length > 1 ? <rect x={4} y={4} width={width} height={height} rx={6} className="story-box" /> : null}
      <rect width={width} height={height} rx={6} className={isSelected ? 'story-box story-box-on' : 'story-box'} />
      {state === null ? null : (
        <rect x={-4} y={-4} width={width + 8} height={height + 8} rx={9} className="story-ring" />
      )}
      <text x={10} y={27} className="story-icon">
        {icons[kind] ?? '•'}
      </text>
      {/* Kept apart by direction, whichever way the name is written. */}
      <text x={32} y={19} className="story-label">{`\u2068${shown}\u2069`}</text>
      <text x={32} y={35} className="story-kind">
        {state === null ? kind : `${kind}, ${state}`}
      </text>
    </g>
  )
}
