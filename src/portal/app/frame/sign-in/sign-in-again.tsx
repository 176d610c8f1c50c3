import { useRef, useState } from 'react'
import { Name } from '../../parts/badges.tsx'
import { Modal } from '../../parts/modal.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { useRealm } from '../app.tsx'
import { explain, hasPasskeys, signInWithPasskey } from './ceremony.ts'

const words = {
  ended: ['Your session has ended', 'Sign in again to go on. What you typed is still here.'],
  stale: [
    'Sign in again to go on',
    'This needs a younger sign-in than yours. What you typed is still here, and what you asked for is done once you have signed in.',
  ],
} as const

/** Lets the same person sign in again at home without leaving the page: with password or passkey here, or by any other way in a new tab. */
export default function SignInAgain(props: {
  readonly why: keyof typeof words
  /** Goes on with a new session of this person; false when there is none. */
  readonly takeSession: () => Promise<boolean>
  readonly onClose: () => void
}) {
  const { home: session } = useRealm()
  const field = useRef<HTMLInputElement>(null)
  const [password, setPassword] = useState('')
  const { says, isBusy, attempt } = useAttempts()
  const prove = async (): Promise<string> => {
    const body = new URLSearchParams({ name: session.user.name, password, tenant: session.tenant.id })
    const answer = await fetch('/login', { method: 'POST', body, redirect: 'manual' })
    setPassword('')
    if (answer.type === 'opaqueredirect' && (await props.takeSession())) return ''
    return answer.status === 429 ? 'Too many attempts; wait a little.' : 'The password is wrong, or you have none.'
  }
  const usePasskey = async (): Promise<string> => {
    try {
      await signInWithPasskey({ userId: session.user.id })
    } catch (cause) {
      return explain(cause)
    }
    return look()
  }
  const look = async (): Promise<string> =>
    (await props.takeSession()) ? '' : 'Nobody has signed in since; sign in in the new tab first.'
  return (
    <Modal title={words[props.why][0]} onClose={props.onClose} initialFocus={field} role="alertdialog">
      <p className="mt-2">{words[props.why][1]}</p>
      <form
        className="mt-3"
        onSubmit={(event) => {
          event.preventDefault()
          if (!isBusy && password !== '') void attempt(prove)
        }}
      >
        <label className="block">
          Password of <Name>{session.user.name}</Name>
          <input
            ref={field}
            type="password"
            className="field"
            autoComplete="current-password"
            maxLength={256}
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </label>
        <p className="mt-3 flex flex-wrap gap-2">
          <button type="submit" className="button button-primary">
            Sign in
          </button>
          <PasskeyButton onPress={() => isBusy || void attempt(usePasskey)} />
          <a href="/login" target="_blank" rel="noreferrer" className="button">
            Another way, in a new tab
          </a>
          <button type="button" className="button" onClick={() => void attempt(look)}>
            I have signed in
          </button>
        </p>
      </form>
      <p role="alert" className="mt-2 text-danger">
        {says}
      </p>
    </Modal>
  )
}

/** Nothing where the browser has none. */
function PasskeyButton({ onPress }: { onPress: () => void }) {
  if (!hasPasskeys()) return null
  return (
    <button type="button" className="button" onClick={onPress}>
      Use a passkey
    </button>
  )
}

/** One attempt at a time, and what the last one has to say. */
function useAttempts() {
  const [says, setSays] = useState('')
  const [isBusy, setBusy] = useState(false)
  const attempt = async (work: () => Promise<string>): Promise<void> => {
    setBusy(true)
    try {
      setSays(await work())
    } catch (cause) {
      setSays(describeFailure(cause))
    } finally {
      setBusy(false)
    }
  }
  return { says, isBusy, attempt }
}
