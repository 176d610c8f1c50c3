import { Link } from './link.tsx'

/** Views of one list, each with an address of its own. */
export function TabLinks(props: {
  label: string
  /** The address of the list with this value; empty for the first one. */
  hrefOf: (value: string) => string
  tabs: readonly (readonly [value: string, word: string])[]
  current: string
}) {
  const [first] = props.tabs
  return (
    <nav aria-label={props.label} className="flex flex-wrap gap-1 border-b border-line">
      {props.tabs.map(([value, word]) => (
        <Link
          key={value}
          to={props.hrefOf(value === first?.[0] ? '' : value)}
          current={value === props.current}
          className={`min-h-7 px-3 py-1 no-underline ${value === props.current ? 'border-b-2 border-accent font-semibold text-ink' : 'text-ink-2'}`}
        >
          {word}
        </Link>
      ))}
    </nav>
  )
}
