import { Graph, layout } from '@dagrejs/dagre'
import type { Picture, ToLayOut } from './layout.ts'

// Runs in a worker of its own, so that however long a layout takes, the page answers.

addEventListener('message', ({ data }: MessageEvent<ToLayOut>) => {
  postMessage(layOut(data))
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
