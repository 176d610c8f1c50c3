import { Dialog } from 'radix-ui'
import { type ReactNode, type RefObject, useEffect, useRef } from 'react'

/**
 * A dialog over the page. It takes the focus when it opens, on `initialFocus` or its heading, and gives it back when it closes; Escape
 * closes it.
 */
export function Modal(props: {
  title: string
  children: ReactNode
  onClose: () => void
  initialFocus?: RefObject<HTMLElement | null>
  /** `alertdialog` for one that asks before an effect. */
  role?: 'dialog' | 'alertdialog'
}) {
  const heading = useRef<HTMLHeadingElement>(null)
  const opener = useRef(document.activeElement)
  useEffect(() => {
    const from = rememberPlace(opener.current)
    // The dialog was taken away at once, so nobody else gives the focus back.
    return () => void setTimeout(giveBack, 0, from)
  }, [])
  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && props.onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-[#0b0d10]/60" />
        <Dialog.Content
          role={props.role ?? 'dialog'}
          aria-describedby={undefined}
          className="fixed inset-x-0 top-[6vh] z-50 mx-auto max-h-[88vh] w-[min(36rem,calc(100vw-1.5rem))] overflow-y-auto rounded-box border border-line bg-surface p-5 shadow-xl"
          onOpenAutoFocus={(event) => {
            const wanted = props.initialFocus?.current ?? (props.initialFocus === undefined ? null : heading.current)
            if (wanted === null) return
            event.preventDefault()
            wanted.focus()
          }}
          onCloseAutoFocus={(event) => event.preventDefault()}
        >
          <div className="flex items-start justify-between gap-4">
            <Dialog.Title ref={heading} tabIndex={-1} className="text-title font-semibold">
              {props.title}
            </Dialog.Title>
            <Dialog.Close className="button" aria-label="Close">
              ✕
            </Dialog.Close>
          </div>
          {props.children}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

/** An element and those around it, each with its place among its neighbours. */
type Place = readonly { readonly element: Element; readonly index: number }[]

function rememberPlace(opener: Element | null): Place {
  const place = []
  for (let element = opener; element !== null; element = element.parentElement) {
    place.push({ element, index: [...(element.parentElement?.children ?? [])].indexOf(element) })
  }
  return place
}

/** So long what a dialog did may take to remove what opened it, ms. */
const settlesMs = 10_000

/** Gives the focus back, and once more when the opener goes away below it: what was decided is often shown only by the next answer. */
function giveBack(place: Place): void {
  // Nobody who was quicker loses it; a dialog below this one takes it as a whole meanwhile.
  if (document.activeElement?.matches('body, [role=dialog], [role=alertdialog]') === false) return
  const target = findAgain(place)
  target?.focus()
  if (target === null || target !== place[0]?.element) return
  const watch = new MutationObserver(() => {
    if (document.activeElement === target) return
    watch.disconnect()
    if (document.activeElement === document.body && !target.isConnected) findAgain(place)?.focus()
  })
  watch.observe(document.body, { childList: true, subtree: true })
  setTimeout(() => watch.disconnect(), settlesMs)
}

const focusable = 'a[href], button, input, select, textarea, [tabindex="0"]'

/** The opener; when it is gone what has come into its place, as the next row of a list; else what is next to it, else the heading. */
function findAgain(place: Place): HTMLElement | null {
  const [opener] = place
  if (opener?.element instanceof HTMLElement && opener.element.isConnected) return opener.element
  const kept = place.findIndex(({ element }) => element.isConnected)
  for (const [at, { element }] of [...place.entries()].slice(Math.max(1, kept))) {
    if (element.matches('main, body')) break
    const there = [...element.children]
    const next = there[Math.min(place[at - 1]?.index ?? 0, there.length - 1)]
    const found = next?.matches(focusable) ? next : (next?.querySelector(focusable) ?? element.querySelector(focusable))
    if (found instanceof HTMLElement) return found
  }
  return document.querySelector('main h1')
}

/**
 * The last line of a dialog: what does it, and what leaves everything as it is.
 * @param cancel the latter, for a dialog that begins there
 */
export function DialogButtons(props: {
  children: ReactNode
  onClose: () => void
  cancel?: RefObject<HTMLButtonElement | null>
}) {
  return (
    <div className="mt-4 flex flex-wrap justify-end gap-2">
      {props.children}
      <button ref={props.cancel} type="button" className="button" onClick={props.onClose}>
        Not now
      </button>
    </div>
  )
}
