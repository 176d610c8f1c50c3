import { Graph, layout } from '@dagrejs/dagre'
import type { Picture, ToLayOut } from './layout.ts'

// Runs in a worker of its own, so that however long a layout takes, the page answers.

addEventListener('message', ({ data }: MessageEvent<ToLayOut>) => {
  postMessage(layOut(data))
})

// The first layout takes twice the time of the second, in which its code is compiled. This one is made while the alerts are on their way.
const size = { width: 176, height: 44 }
layOut({
  number: 0,
  sizes: Array.from({ length: 12 }, () => size),
  // Lines that cross, and one that passes a column by.
  edges: [
    ...[0, 1, 2, 3, 4, 5].flatMap((from) => [[from, 6 + (from % 3)] as const, [from, 8] as const]),
    [6, 9],
    [7, 10],
    [8, 11],
    [0, 11],
  ],
})

function layOut({ number, sizes, edges }: ToLayOut): Picture {
  const graph = new Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 70, marginx: 8, marginy: 8 })
  graph.setDefaultEdgeLabel(() => ({}))
  // Nodes are known by their number: a name that came with data never becomes a key in here.
  sizes.forEach(({ width, height }, index) => {
    graph.setNode(String(index), { width, height })
  })
  for (const [from, to] of edges) graph.setEdge(String(from), String(to))
  layout(graph)
  const { width = 0, height = 0 } = graph.graph()
  const places = sizes.map((_size, index) => {
    const { x = 0, y = 0 } = graph.node(String(index))
    return { x, y }
  })
  return { number, width, height, places }
}
