import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { NotFound } from './frame/not-found.tsx'
import { Scope } from './frame/scope.tsx'
import { Failure } from './parts/states.tsx'
import { readSearch, type Search, screenPath, writeSearch } from './paths.ts'
import { QueueScreen } from './screens/queue/queue.tsx'

const root = createRootRoute({ component: Scope, notFoundComponent: NotFound })

const keepSearch = (search: Record<string, unknown>): Search => readSearch(writeSearch(search))

const queue = createRoute({
  getParentRoute: () => root,
  path: '/t/$tenant/incidents',
  validateSearch: keepSearch,
  component: QueueScreen,
})

const incident = lazyRouteComponent(() => import('./screens/incident/incident.tsx'), 'IncidentScreen')

/** The other screens, each loaded when it is first opened. */
const screens = [
  ['/t/all/incidents', lazyRouteComponent(() => import('./screens/all/all-incidents.tsx'), 'AllIncidentsScreen')],
  ['/t/all/tasks', lazyRouteComponent(() => import('./screens/all/all-tasks.tsx'), 'AllTasksScreen')],
  ['/t/$tenant/incidents/$id', incident],
  ['/t/$tenant/incidents/$id/$tab', incident],
  ['/t/$tenant/incidents/$id/tasks/$task', incident],
  [
    '/t/$tenant/incidents/$id/report',
    lazyRouteComponent(() => import('./screens/report/report-screen.tsx'), 'ReportScreen'),
  ],
  ['/t/$tenant/tasks', lazyRouteComponent(() => import('./screens/tasks/tasks.tsx'), 'TasksScreen')],
  ['/t/$tenant/runs/$id', lazyRouteComponent(() => import('./screens/run/run.tsx'), 'RunScreen')],
  ['/t/$tenant/alerts', lazyRouteComponent(() => import('./screens/alerts/alerts.tsx'), 'AlertsScreen')],
  ['/t/$tenant/alerts/$id', lazyRouteComponent(() => import('./screens/alerts/alert.tsx'), 'AlertScreen')],
  ['/t/$tenant/approvals', lazyRouteComponent(() => import('./screens/approvals/approvals.tsx'), 'ApprovalsScreen')],
  ['/t/$tenant/devices', lazyRouteComponent(() => import('./screens/devices/devices.tsx'), 'DevicesScreen')],
  ['/t/$tenant/devices/$id', lazyRouteComponent(() => import('./screens/devices/device.tsx'), 'DeviceScreen')],
  ['/t/$tenant/users', lazyRouteComponent(() => import('./screens/assets/asset-list.tsx'), 'UsersScreen')],
  ['/t/$tenant/users/$id', lazyRouteComponent(() => import('./screens/assets/asset.tsx'), 'UserScreen')],
  ['/t/$tenant/mailboxes', lazyRouteComponent(() => import('./screens/assets/asset-list.tsx'), 'MailboxesScreen')],
  ['/t/$tenant/mailboxes/$id', lazyRouteComponent(() => import('./screens/assets/asset.tsx'), 'MailboxScreen')],
  [
    '/t/$tenant/connectors',
    lazyRouteComponent(() => import('./screens/connectors/connectors.tsx'), 'ConnectorsScreen'),
  ],
  ['/t/$tenant/audit', lazyRouteComponent(() => import('./screens/audit/audit.tsx'), 'AuditScreen')],
  ['/t/$tenant/policies', lazyRouteComponent(() => import('./screens/policies/policies.tsx'), 'PoliciesScreen')],
  ['/t/$tenant/reports', lazyRouteComponent(() => import('./screens/reports/reports.tsx'), 'ReportsScreen')],
  ['/t/$tenant/start', lazyRouteComponent(() => import('./screens/start/start.tsx'), 'StartScreen')],
  ['/t/$tenant/settings', lazyRouteComponent(() => import('./screens/settings/settings.tsx'), 'SettingsScreen')],
] as const

/** Makes the router. Filters, tabs and open panels all stand in the address. */
export function createPortalRouter(tenant: string) {
  const home = createRoute({
    getParentRoute: () => root,
    path: '/',
    beforeLoad: () => {
      throw redirect({ href: screenPath(tenant, 'incidents'), replace: true })
    },
  })
  const others = screens.map(([path, component]) =>
    createRoute({ getParentRoute: () => root, path, component, validateSearch: keepSearch }),
  )
  return createRouter({
    routeTree: root.addChildren([home, queue, ...others]),
    parseSearch: (text) => ({ ...readSearch(text) }),
    stringifySearch: writeSearch,
    scrollRestoration: false,
    defaultPreload: false,
    defaultErrorComponent: ({ error }) => (
      <>
        <h1 className="px-4 pt-4">The screen cannot be shown</h1>
        <Failure error={error} retry={() => location.reload()} />
      </>
    ),
  })
}
