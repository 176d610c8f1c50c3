import type { Clock } from '../io/clock.ts'
import type { Outbound } from '../io/outbound.ts'
import type { ConnectorKind } from './connector.ts'
import { createLdapKind, type LdapKind } from './identity/ldap/index.ts'

/** Every kind of connector that people set up. */
export interface ConnectorKinds {
  readonly ldap: LdapKind
  readonly all: readonly ConnectorKind[]
}

/** Makes the kinds; the agent connector is none of them: it is always there and is set up on the hosts. */
export function createKinds(deps: { readonly clock: Clock; readonly outbound: Outbound }): ConnectorKinds {
  const ldap = createLdapKind(deps)
  return { ldap, all: [ldap] }
}
