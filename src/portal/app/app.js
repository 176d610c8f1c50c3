import { openApi, readSession } from './api.js'
import { byId, element, showMain } from './dom.js'
import { showIncident } from './incident.js'
import { showIncidents } from './incidents.js'

async function start() {
  const session = await readSession()
  if (session === null) {
    location.replace('/login')
    return
  }
  const api = openApi(session)
  byId('who').textContent = `${session.user.name} (${session.user.role}) · ${session.tenant.name}`
  const signOut = byId('sign-out')
  signOut.hidden = false
  signOut.addEventListener('click', async () => {
    await api.signOut()
    location.replace('/login')
  })
  const [, tenant, incident] = /^\/t\/([^/]+)\/incidents\/([^/]+)$/.exec(location.pathname) ?? []
  if (tenant === undefined || incident === undefined) return showIncidents(api, session)
  // The same number is another incident in another tenant.
  if (decodeURIComponent(tenant).toLowerCase() !== session.tenant.id) {
    return showMain(element('p', {}, 'This incident belongs to another tenant than the one you are signed in to.'))
  }
  return showIncident(api, decodeURIComponent(incident))
}

start().catch((cause) => {
  showMain(element('p', { class: 'error', role: 'alert' }, cause instanceof Error ? cause.message : String(cause)))
})
