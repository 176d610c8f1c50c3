import { Badge, Name } from '../../parts/badges.tsx'
import { Heads } from '../../parts/grid.tsx'
import { Time } from '../../parts/time.tsx'
import { neighboursOf, type StoryGraph } from './story-graph.ts'

/** So many names stand in one cell. */
const maxNamed = 5

/** The same story as a table, with the same selection as the picture. */
export function StoryTable(props: { graph: StoryGraph; selected: string | null; onSelect: (id: string) => void }) {
  const { graph, selected, onSelect } = props
  return (
    <div className="box max-h-96 overflow-auto" role="region" aria-label="Attack story, table" tabIndex={-1}>
      <table className="w-full text-table">
        <Heads names={['What', 'Kind', 'Leads to or comes from', 'Via alert', 'First seen']} />
        <tbody>
          {graph.nodes.map((node) => (
            <tr
              key={node.id}
              data-entity-id={node.id}
              className={`border-t border-line align-top ${node.id === selected ? 'bg-sunken' : ''}`}
            >
              <td className="px-3 py-1">
                <button
                  type="button"
                  aria-pressed={node.id === selected}
                  className="min-h-7 min-w-7 cursor-pointer text-start font-mono text-accent underline"
                  onClick={() => onSelect(node.id)}
                >
                  <Name>{node.label}</Name>
                </button>{' '}
                {node.state === null ? null : <Badge tone="done">{node.state}</Badge>}
              </td>
              <td className="px-3 py-1">{node.kind}</td>
              <td className="px-3 py-1">
                <Names of={neighboursOf(graph, node.id).map(({ label }) => label)} />
              </td>
              <td className="px-3 py-1">{node.kind === 'alert' ? '' : <Names of={node.alerts} />}</td>
              <td className="px-3 py-1 text-meta text-ink-2">
                <Time at={node.firstAt === '' ? null : node.firstAt} exact />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Names({ of: names }: { of: readonly string[] }) {
  return (
    <>
      {[...new Set(names)].slice(0, maxNamed).map((name, index) => (
        <span key={name}>
          {index === 0 ? '' : ', '}
          <Name>{name}</Name>
        </span>
      ))}
      {names.length > maxNamed ? ` and ${names.length - maxNamed} more` : ''}
    </>
  )
}
