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
    const from = opener.current
    return () => {
      // The dialog was taken away at once, so nobody else gives the focus back.
      setTimeout(() => {
        if (from instanceof HTMLElement && from.isConnected) from.focus()
      }, 0)
    }
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
