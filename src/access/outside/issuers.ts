import type { RoleName } from '../../model/permissions.ts'

/** An issuer that a tenant's people may sign in with. */
export interface OutsideIssuer {
  readonly tenantId: string
  /** Of the connector it is set up as. */
  readonly id: string
  readonly name: string
  /** `iss` of its tokens. */
  readonly address: string
}

/** Who somebody is at an issuer, after everything about it was checked. */
export interface OutsideIdentity {
  readonly subject: string
  readonly name: string | null
  /** In lower case, and only when the issuer has verified it. */
  readonly email: string | null
  /** What the person's groups may do here; null when none of them is set up. Never `admin`. */
  readonly role: Exclude<RoleName, 'admin'> | null
}

/** Why an issuer is of no use just now, or did not vouch for somebody. */
export interface OutsideProblem {
  /** PascalCase. */
  readonly problem: string
  readonly detail: string
}

/** What binds an answer of an issuer to the browser that asked. */
export interface OutsideSecrets {
  readonly redirectUri: string
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** The outside issuers of this installation, as access sees them. */
export interface OutsideIssuers {
  /** A tenant's, by name. */
  list(tenantId: string): Promise<readonly OutsideIssuer[]>
  /** Those of all tenants whose tokens name that issuer. */
  listByAddress(issuer: string): Promise<readonly OutsideIssuer[]>
  /** Where the browser goes. */
  begin(issuer: OutsideIssuer, secrets: OutsideSecrets): Promise<string | OutsideProblem>
  /** Who comes back. @param answer its `query` is undecoded */
  finish(
    issuer: OutsideIssuer,
    answer: OutsideSecrets & { readonly query: string },
  ): Promise<OutsideIdentity | OutsideProblem>
  /** Who sends an access token, and until when; null when it does not hold or none are taken. */
  readToken(
    issuer: OutsideIssuer,
    token: string,
  ): Promise<(OutsideIdentity & { readonly endsAtMs: number }) | null | OutsideProblem>
}
