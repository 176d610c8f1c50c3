import { useQueryClient } from '@tanstack/react-query'
import { forgetNewIncidents, useNewIncidents } from '../../live/new-incidents.ts'

/** New rows wait behind this until a person wants them: nothing moves under the pointer. */
export function Pill() {
  const fresh = useNewIncidents()
  const queries = useQueryClient()
  if (fresh === null) return null
  return (
    <button
      type="button"
      className="button button-primary"
      onClick={() => {
        forgetNewIncidents()
        void queries.resetQueries({ queryKey: ['queue'] })
        void queries.invalidateQueries({ queryKey: ['queue-count'] })
      }}
    >
      Show {fresh} new
    </button>
  )
}
