import { Modal } from '../parts/modal.tsx'
import { bindings, isInForce } from './bindings.ts'

/** The sheet of the keys that work on this screen. */
export default function Help({ onClose }: { onClose: () => void }) {
  const inForce = bindings.filter(({ id }) => isInForce(id))
  return (
    <Modal title="Keys" onClose={onClose}>
      {[...new Set(inForce.map(({ where }) => where))].map((where) => (
        <section key={where} className="mt-3">
          <h3>{where}</h3>
          <dl className="mt-1 grid grid-cols-[6rem_1fr] gap-y-1 text-table">
            {inForce
              .filter((binding) => binding.where === where)
              .map(({ id, keys, does }) => (
                <div key={id} className="contents">
                  <dt>
                    <kbd>{keys}</kbd>
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
          </dl>
        </section>
      ))}
      <p className="mt-4 text-meta text-ink-2">Single letters can be switched off in Settings.</p>
    </Modal>
  )
}
