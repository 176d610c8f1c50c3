import { Modal } from '../parts/modal.tsx'
import { isInForce } from './bindings.ts'
import { useKeys } from './own-keys.ts'
import { bindings } from './table.ts'

/** The sheet of the keys that work on this screen. */
export default function Help({ onClose }: { onClose: () => void }) {
  const keysOf = useKeys()
  const inForce = bindings.filter(({ id }) => isInForce(id))
  return (
    <Modal title="Keys" onClose={onClose}>
      {[...new Set(inForce.map(({ where }) => where))].map((where) => (
        <section key={where} className="mt-3">
          <h3>{where}</h3>
          <dl className="mt-1 grid grid-cols-[6rem_1fr] gap-y-1 text-table">
            {inForce
              .filter((binding) => binding.where === where)
              .map(({ id, does }) => (
                <div key={id} className="contents">
                  <dt>
                    {keysOf.get(id) === '' ? <span className="text-ink-2">off</span> : <kbd>{keysOf.get(id)}</kbd>}
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
          </dl>
        </section>
      ))}
      <p className="mt-4 text-meta text-ink-2">Each can be changed or switched off in Settings.</p>
    </Modal>
  )
}
