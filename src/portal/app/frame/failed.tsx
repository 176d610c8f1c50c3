import { Failure } from '../parts/states.tsx'
import { Title } from './title.tsx'

/** A screen that could not be read at all: under a heading like every other one. */
export function FailedScreen({ what, error, retry }: { what: string; error: unknown; retry: () => void }) {
  return (
    <div className="py-4">
      <div className="px-4">
        <Title text={`${what} cannot be shown`} />
      </div>
      <Failure error={error} retry={retry} />
    </div>
  )
}
