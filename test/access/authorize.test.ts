import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Caller, requirePermission } from '../../src/access/authorize.ts'
import type { Permission } from '../../src/model/permissions.ts'

function makeCaller(kind: Caller['kind'], permissions: readonly Permission[]): Caller {
  return { tenantId: 't', id: 'i', kind, name: 'n', permissions: new Set(permissions) }
}

test('any one of the permissions an operation takes lets the caller in', () => {
  const caller = makeCaller('application', ['SecurityIncident.ReadWrite.All'])

  requirePermission(caller, ['SecurityIncident.Read.All', 'SecurityIncident.ReadWrite.All'])
})

test('an application learns which roles are required and which it has', () => {
  const caller = makeCaller('application', ['SecurityIncident.Read.All', 'SecurityAlert.Read.All'])

  const attempt = () => requirePermission(caller, ['SecurityAlert.Create.All', 'SecurityAlert.ReadWrite.All'])

  assert.throws(attempt, {
    kind: 'Forbidden',
    message:
      'Missing application roles. API required roles: SecurityAlert.Create.All,SecurityAlert.ReadWrite.All, application roles: SecurityAlert.Read.All,SecurityIncident.Read.All.',
  })
})

test('a person learns the same of scopes, and an empty list is a blank', () => {
  const attempt = () => requirePermission(makeCaller('user', []), ['Cordon.Admin'])

  assert.throws(attempt, { message: 'Missing scopes. API required scopes: Cordon.Admin, scopes:  .' })
})
