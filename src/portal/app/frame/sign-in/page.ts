import { explain, hasPasskeys, makePasskeyByLink, signInWithPasskey } from './ceremony.ts'

/**
 * What the sign-in page does with passkeys. The page is whole without it: a browser without scripts or without passkeys never sees what is
 * hidden here, and signs in with a password or a link.
 */

/** A question ends after five minutes; one that waits in a field is asked anew before. */
const renewAfterMs = 4 * 60_000

function start(place: HTMLElement): void {
  const { token, next = '' } = place.dataset
  const button = place.querySelector('button')
  const says = place.querySelector('[role=alert]')
  if (button === null || says === null) return
  let waiting = new AbortController()
  const attempt = async (work: () => Promise<string>): Promise<void> => {
    button.disabled = true
    says.textContent = ''
    try {
      location.assign(await work())
    } catch (cause) {
      says.textContent = explain(cause)
      button.disabled = false
    }
  }
  button.addEventListener('click', () => {
    waiting.abort()
    const name = place.querySelector('input')?.value.trim() || 'Passkey'
    void attempt(() => (token === undefined ? signInWithPasskey({ next }) : makePasskeyByLink(token, name, next))).then(
      offer,
    )
  })
  const offer = async (): Promise<void> => {
    if (token !== undefined || button.disabled) return
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return
    waiting = new AbortController()
    const { signal } = waiting
    const renewal = setTimeout(() => {
      waiting.abort()
      void offer()
    }, renewAfterMs)
    signal.addEventListener('abort', () => clearTimeout(renewal))
    try {
      location.assign(await signInWithPasskey({ next, signal, isOffer: true }))
    } catch (cause) {
      // What the browser says of an offer that nobody took needs no words.
      if (!(cause instanceof DOMException)) says.textContent = explain(cause)
    }
  }
  place.hidden = false
  void offer()
}

const place = document.getElementById('passkey')
if (place !== null && hasPasskeys()) start(place)
