import { RouterProvider } from '@tanstack/react-router'
import { createRoot } from 'react-dom/client'
import { readSessions } from './api/session.ts'
import { RealmProvider } from './frame/app.tsx'
import { openRealm } from './frame/realm.ts'
import { Failure } from './parts/states.tsx'
import { createPortalRouter } from './routes.tsx'
import './styles.css'

const returnKey = 'cordon.return-to'

/** The dialogs write one style element, which the content security policy lets through by this nonce alone. */
function lendNonce(): void {
  const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? ''
  Object.assign(window, { __webpack_nonce__: nonce })
}

async function start(place: HTMLElement, root: ReturnType<typeof createRoot>): Promise<void> {
  const places = await readSessions()
  if (places === null) {
    // A link that somebody opened leads on after the sign-in.
    if (location.pathname.startsWith('/t/')) sessionStorage.setItem(returnKey, location.pathname + location.search)
    location.replace('/login')
    return
  }
  const interrupted = sessionStorage.getItem(returnKey)
  sessionStorage.removeItem(returnKey)
  if (location.pathname === '/' && interrupted?.startsWith('/t/')) history.replaceState(null, '', interrupted)
  const realm = openRealm(places)
  const router = createPortalRouter(realm.home.tenant.id)
  if (place.hasChildNodes()) await (await import('./takeover.ts')).waitForWhole(realm, router)
  root.render(
    <RealmProvider value={realm}>
      <RouterProvider router={router} />
    </RealmProvider>,
  )
}

lendNonce()
const place = document.getElementById('app')
if (place === null) throw new Error('the page has no #app')
const root = createRoot(place)
start(place, root).catch((cause: unknown) => {
  root.render(
    <main>
      <h1 className="p-4">Cordon</h1>
      <Failure error={cause} retry={() => location.reload()} />
    </main>,
  )
})
