import type { ChannelKind, ConnectorKind } from './connector.ts'
import { createLdapKind, type LdapKind } from './identity/ldap/index.ts'
import { createOidcKind, type OidcKind } from './identity/oidc/index.ts'
import { type ChannelDeps, createChannelKinds } from './notify/channels/index.ts'

/** Every kind of connector that people set up. */
export interface ConnectorKinds {
  readonly ldap: LdapKind
  /** Those that carry notices to people. */
  readonly channels: readonly ChannelKind[]
  readonly oidc: OidcKind
  readonly all: readonly ConnectorKind[]
}

/** Makes the kinds; the agent connector is none of them: it is always there and is set up on the hosts. */
export function createKinds(deps: ChannelDeps): ConnectorKinds {
  const ldap = createLdapKind(deps)
  const channels = createChannelKinds(deps)
  const oidc = createOidcKind(deps)
  return { ldap, oidc, channels, all: [ldap, oidc, ...channels] }
}
