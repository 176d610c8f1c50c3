import { lazy, Suspense } from 'react'
import { isRoleName, rolePermissions } from '../../../../model/permissions.ts'
import { useApp } from '../../frame/app.tsx'
import { type Preferences, setPreferences, usePreferences } from '../../frame/preferences.ts'
import { Title } from '../../frame/title.tsx'
import { Skeleton } from '../../parts/states.tsx'
import { OwnTenants } from './own-tenants.tsx'
import { PasswordForm } from './password.tsx'
import { SettingsTabs } from './settings-tabs.tsx'

const OwnNotifications = lazy(() => import('./own-notifications.tsx'))
const Keys = lazy(() => import('./keys.tsx'))
const Passkeys = lazy(() => import('./passkeys/passkeys.tsx'))
const Members = lazy(() => import('./members.tsx'))
const Channels = lazy(() => import('./channels.tsx'))

/** S11: how the portal looks to this person, which keys there are, and what they may do. */
export function SettingsScreen() {
  const preferences = usePreferences()
  const { session, may } = useApp()
  const { role } = session.user
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone
  return (
    <div className="max-w-3xl space-y-6 p-4">
      <Title text="Settings" />
      <SettingsTabs current="settings" />
      <Choice name="Colours" field="theme" values={['system', 'light', 'dark']} held={preferences.theme} />
      <Choice
        name="Row height"
        field="density"
        values={['comfortable', 'compact', 'dense']}
        held={preferences.density}
      />
      <Choice name="Time zone" field="zone" values={[...new Set(['UTC', 'local', here])]} held={preferences.zone} />
      <PasswordForm />
      <Suspense fallback={<Skeleton rows={2} />}>
        <Passkeys />
      </Suspense>
      <Suspense fallback={<Skeleton rows={3} />}>
        <OwnNotifications />
        {may('Cordon.Admin') ? <Channels /> : null}
      </Suspense>
      <Suspense fallback={<Skeleton rows={8} />}>
        <Keys />
      </Suspense>
      <OwnTenants />
      <Suspense fallback={<Skeleton rows={2} />}>
        <Members />
      </Suspense>
      <section>
        <h2>What you may do as {role}</h2>
        <ul className="mt-1 list-disc ps-5">
          {(isRoleName(role) ? rolePermissions[role] : []).map((permission) => (
            <li key={permission}>
              <code>{permission}</code>
            </li>
          ))}
        </ul>
      </section>
    </div>
  )
}

function Choice<K extends 'theme' | 'density' | 'zone'>(props: {
  name: string
  field: K
  values: readonly Preferences[K][]
  held: Preferences[K]
}) {
  return (
    <fieldset>
      <legend className="font-semibold">{props.name}</legend>
      <div className="mt-1 flex flex-wrap gap-x-4">
        {props.values.map((value) => (
          <label key={value} className="flex min-h-7 items-center gap-2">
            <input
              type="radio"
              className="size-6"
              name={props.field}
              checked={value === props.held}
              onChange={() => setPreferences({ [props.field]: value })}
            />
            {value}
          </label>
        ))}
      </div>
    </fieldset>
  )
}
