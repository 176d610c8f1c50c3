import { Title } from './title.tsx'

/** One page for what is not there, what was removed, and what belongs to another tenant: none of them tells of the others. */
export function NotFound() {
  return (
    <div className="p-6">
      <Title text="Nothing is here" />
      <p className="mt-2 text-ink-2">It does not exist, or it belongs to a tenant that you have no role in.</p>
      <p className="mt-2">
        <a href="/" className="alone">
          Go to the incidents
        </a>
      </p>
    </div>
  )
}
