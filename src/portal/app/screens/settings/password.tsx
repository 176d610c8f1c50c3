import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useApp } from '../../frame/app.tsx'
import { alarm, announce } from '../../live/announce.tsx'

/** Sets the password of whoever is signed in. */
export function PasswordForm() {
  const { api } = useApp()
  const [typed, setTyped] = useState({ current: '', password: '' })
  const change = useMutation({
    mutationFn: async () => {
      const { current, password } = typed
      await api.callOwn('POST', '/auth/password', { password, ...(current === '' ? {} : { current }) })
    },
    onSuccess: () => {
      setTyped({ current: '', password: '' })
      announce('Your password is set.')
    },
    onError: (cause) => alarm(cause.message),
  })
  const send = (event: FormEvent): void => {
    event.preventDefault()
    change.mutate()
  }
  const field = (name: 'current' | 'password', label: string, complete: string) => (
    <label className="block">
      {label}
      <input
        className="field mt-1 block w-full max-w-sm"
        type="password"
        autoComplete={complete}
        maxLength={256}
        value={typed[name]}
        onChange={(event) => setTyped({ ...typed, [name]: event.target.value })}
      />
    </label>
  )
  return (
    <section>
      <h2>Password</h2>
      <form className="mt-1 space-y-2" onSubmit={send}>
        {field('current', 'Current password, if you have one', 'current-password')}
        {field('password', 'New password, at least 15 characters', 'new-password')}
        <button type="submit" className="button" disabled={typed.password === '' || change.isPending}>
          Set password
        </button>
        {change.error !== null && <p>{change.error.message}</p>}
        {change.isSuccess && <p>Your password is set. Your other sessions have ended.</p>}
      </form>
    </section>
  )
}
