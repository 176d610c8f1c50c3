import { announce } from '../../live/announce.tsx'
import { Modal } from '../../parts/modal.tsx'
import { type Search, valuesOf } from '../../paths.ts'
import type { ColumnName } from './columns.ts'

/** Which columns a list shows, and in which order; shown at once behind the dialog. */
export default function ColumnsDialog(props: {
  readonly columns: readonly ColumnName[]
  readonly search: Search
  readonly change: (next: Search) => void
  readonly onClose: () => void
}) {
  const { columns, search, change, onClose } = props
  const all = columns.map(({ key }) => key)
  const named = [...new Set(valuesOf(search, 'cols'))].filter((key) => all.includes(key))
  const shown = named.length === 0 ? all : named
  const show = (keys: readonly string[]): void =>
    change({ ...search, cols: keys.join(' ') === all.join(' ') ? '' : keys })
  const wordOf = (key: string): string => columns.find((column) => column.key === key)?.name ?? key
  const move = (key: string, step: -1 | 1): void => {
    const at = shown.indexOf(key)
    const rest = shown.filter((one) => one !== key)
    show([...rest.slice(0, at + step), key, ...rest.slice(at + step)])
    announce(`${wordOf(key)} is column ${at + step + 1} of ${shown.length}.`)
  }
  const rows = [...shown, ...all.filter((key) => !shown.includes(key))]
  return (
    <Modal title="Columns" onClose={onClose}>
      <ul className="mt-3 space-y-1">
        {rows.map((key) => {
          const at = shown.indexOf(key)
          const word = wordOf(key)
          return (
            <li key={key} className="flex items-center gap-2">
              <label className="flex grow items-center gap-2">
                <input
                  type="checkbox"
                  className="size-6"
                  checked={at >= 0}
                  // A list without any column shows nothing.
                  disabled={at >= 0 && shown.length === 1}
                  onChange={() => show(at >= 0 ? shown.filter((one) => one !== key) : [...shown, key])}
                />
                {word}
              </label>
              <Step word={`${word} to the left`} mark="↑" isOff={at < 1} onPress={() => move(key, -1)} />
              <Step
                word={`${word} to the right`}
                mark="↓"
                isOff={at < 0 || at === shown.length - 1}
                onPress={() => move(key, 1)}
              />
            </li>
          )
        })}
      </ul>
      <p className="mt-3 text-meta text-ink-2">
        Of the usual columns those that find no room are left out; what you choose here stands in the address and in
        views.
      </p>
      <div className="mt-3 flex flex-wrap justify-end gap-2">
        <button type="button" className="button" onClick={() => change({ ...search, cols: '' })}>
          The usual columns
        </button>
        <button type="button" className="button button-primary" onClick={onClose}>
          Done
        </button>
      </div>
    </Modal>
  )
}

/** Never disabled by the browser: a button that is pressed until its end keeps the focus. */
function Step(props: { word: string; mark: string; isOff: boolean; onPress: () => void }) {
  return (
    <button
      type="button"
      className="button px-2"
      aria-label={`Move ${props.word}`}
      aria-disabled={props.isOff}
      onClick={() => {
        if (!props.isOff) props.onPress()
      }}
    >
      {props.mark}
    </button>
  )
}
