import type { StoryGraph } from './story-graph.ts'

/** Where the middle of a node is, in CSS pixels. */
interface Place {
  readonly x: number
  readonly y: number
}

interface Drawn {
  readonly graph: StoryGraph
  /** As many places as there are nodes, in their order. */
  readonly picture: { readonly places: readonly Place[] }
}

/**
 * Which node a key leads to; null for one that leads nowhere. Right and left follow the lines, to the nearest column first. Down and up go
 * through a column and on to the one beside it: these two alone lead to every node there is.
 */
export function findNext(key: string, index: number, { graph, picture }: Drawn): number | null {
  const own = graph.nodes[index]?.id
  const at = picture.places[index]
  if (own === undefined || at === undefined) return null
  if (key === 'Home') return 0
  if (key === 'End') return graph.nodes.length - 1
  if (key === 'ArrowDown' || key === 'ArrowUp') return findInOrder(index, key === 'ArrowDown' ? 1 : -1, picture)
  if (key !== 'ArrowRight' && key !== 'ArrowLeft') return null
  const joined = new Set(
    graph.edges.flatMap(({ from, to }) => {
      if (key === 'ArrowRight') return from === own ? [to] : []
      return to === own ? [from] : []
    }),
  )
  const far = ({ x, y }: Place): readonly [number, number] => [Math.abs(x - at.x), Math.abs(y - at.y)]
  const [nearest] = picture.places
    .map((place, other) => ({ other, far: far(place) }))
    .filter(({ other }) => joined.has(graph.nodes[other]?.id ?? ''))
    .sort((a, b) => a.far[0] - b.far[0] || a.far[1] - b.far[1])
  return nearest?.other ?? null
}

/** The node before or after one, column by column from the left and each from above. */
function findInOrder(index: number, step: 1 | -1, { places }: Drawn['picture']): number | null {
  const order = places
    .map((place, other) => ({ ...place, other }))
    .sort((a, b) => a.x - b.x || a.y - b.y || a.other - b.other)
  return order[order.findIndex(({ other }) => other === index) + step]?.other ?? null
}
