/** A program that draws tokens by itself. */
export interface ApplicationRow {
  tenant_id: string
  id: string
  name: string
  secret_hash: string
  role: string
  created_at: string
  revoked_at: string | null
}

/** A link that signs one person in, once. */
export interface SignInLinkRow {
  tenant_id: string
  token_hash: string
  user_id: string
  expires_at: string
  used_at: string | null
}

/** The password of a person; without a row they sign in otherwise. */
export interface PasswordRow {
  tenant_id: string
  user_id: string
  /** The person's name, folded; one of each in a tenant. */
  sign_in_name: string
  /** Algorithm, costs, salt and key as one text; see {@link ../access/credentials/password-hash.ts}. */
  hash: string
  set_at: string
}

/** A passkey: the public half of a key pair whose other half an authenticator of the person keeps. */
export interface PasskeyRow {
  tenant_id: string
  id: string
  user_id: string
  /** As the authenticator names it, base64url; one of each in the installation. */
  credential_id: string
  /** COSE key, base64url. */
  public_key: string
  /** The host it is bound to; at another name of the same server it signs nobody in. */
  rp_id: string
  /** What the person calls it. */
  name: string
  /** How browsers reach it, as they said: a JSON list of `usb`, `nfc`, `ble`, `hybrid`, `internal`. */
  transports: string
  /** 1 when it may live on several devices. */
  multi_device: number
  /** 1 when a copy of it is kept elsewhere. */
  backed_up: number
  /** What the authenticator counted at its last use; 0 from one that does not count. */
  counter: number
  created_at: string
  last_used_at: string | null
}

/** A question that a passkey answers, once. */
export interface PasskeyChallengeRow {
  /** The first tenant's for a sign-in, where nobody knows yet who comes. */
  tenant_id: string
  /** SHA-256 in hex; the challenge itself is never stored. */
  challenge_hash: string
  purpose: string
  /** Stored hash of the session or link that it was made for; null for a sign-in. */
  bound_to: string | null
  /** The page that may answer. */
  origin: string
  expires_at: string
}

/** Where an application may have people sent back to, character by character. */
export interface RedirectUriRow {
  tenant_id: string
  application_id: string
  uri: string
}

/** A code that an application changes for tokens, once. */
export interface AuthorizationCodeRow {
  tenant_id: string
  /** SHA-256 in hex; the code itself is never stored. */
  code_hash: string
  application_id: string
  user_id: string
  redirect_uri: string
  /** `code_challenge` of RFC 7636, method S256. */
  challenge: string
  nonce: string | null
  scope: string
  /** When the person proved who they are. */
  signed_in_at: string
  expires_at: string
  used_at: string | null
  /** Hash of the session its tokens hang on; that one ends when the code comes a second time. */
  grant_hash: string
}

/** Who a person is at an outside issuer, which is a connector of kind `oidc`. */
export interface IdentityRow {
  tenant_id: string
  connector_id: string
  /** Address of the issuer: whoever turns the connector to another one finds nobody there. */
  issuer: string
  user_id: string
  /** `sub` there; null until the first sign-in of somebody who is known by address. */
  subject: string | null
  /** Verified address that the first sign-in must bear; in lower case. */
  email: string | null
  /** 1 for a person whom their groups made: the groups decide the role at each sign-in. */
  from_groups: number
}

/**
 * That a person of one tenant has a role in another one: the person of that tenant who stands for them there. Whether it still holds, and
 * with which role, says the row of that person; this row stays, so that somebody who comes back is the same again.
 */
export interface MembershipRow {
  tenant_id: string
  /** The person who stands for them in this tenant. */
  user_id: string
  home_tenant_id: string
  /** The person at home, where they sign in. */
  home_user_id: string
  created_at: string
}

/** Somebody who has signed in; ends by itself, with a sign-out, or when the row is gone. */
export interface SessionRow {
  tenant_id: string
  token_hash: string
  user_id: string
  csrf_hash: string
  created_at: string
  expires_at: string
  /** The session at home that this one hangs on, of somebody from another tenant; null for one of its own. */
  parent_hash: string | null
}
