import { index, type Target, table } from './tables.ts'

/** How people prove who they are, here and elsewhere, and what applications may ask for in their name. */
export async function createSignInTables(target: Target): Promise<void> {
  await table(target, 'passwords', {
    tenant_id: 'text',
    user_id: 'text',
    sign_in_name: 'text',
    hash: 'text',
    set_at: 'text',
  })
    .addPrimaryKeyConstraint('passwords_pk', ['user_id'])
    .addUniqueConstraint('passwords_name', ['tenant_id', 'sign_in_name'])
    .execute()
  await createPasskeyTables(target)
  await table(target, 'redirect_uris', { tenant_id: 'text', application_id: 'text', uri: 'text' })
    .addPrimaryKeyConstraint('redirect_uris_pk', ['application_id', 'uri'])
    .execute()
  await table(target, 'authorization_codes', {
    tenant_id: 'text',
    code_hash: 'text',
    application_id: 'text',
    user_id: 'text',
    redirect_uri: 'text',
    challenge: 'text',
    nonce: 'text?',
    scope: 'text',
    signed_in_at: 'text',
    expires_at: 'text',
    used_at: 'text?',
    grant_hash: 'text',
  })
    .addPrimaryKeyConstraint('authorization_codes_pk', ['code_hash'])
    .execute()
  await table(target, 'identities', {
    tenant_id: 'text',
    connector_id: 'text',
    issuer: 'text',
    user_id: 'text',
    subject: 'text?',
    email: 'text?',
    from_groups: 'int',
  })
    .addPrimaryKeyConstraint('identities_pk', ['connector_id', 'issuer', 'user_id'])
    .addUniqueConstraint('identities_subject', ['connector_id', 'issuer', 'subject'])
    .execute()
  await table(target, 'memberships', {
    tenant_id: 'text',
    user_id: 'text',
    home_tenant_id: 'text',
    home_user_id: 'text',
    created_at: 'text',
  })
    .addPrimaryKeyConstraint('memberships_pk', ['user_id'])
    .addUniqueConstraint('memberships_person', ['home_user_id', 'tenant_id'])
    .execute()
}

async function createPasskeyTables(target: Target): Promise<void> {
  await table(target, 'passkeys', {
    tenant_id: 'text',
    id: 'text',
    user_id: 'text',
    credential_id: 'text',
    public_key: 'text',
    rp_id: 'text',
    name: 'text',
    transports: 'text',
    multi_device: 'int',
    backed_up: 'int',
    counter: 'int',
    created_at: 'text',
    last_used_at: 'text?',
  })
    .addPrimaryKeyConstraint('passkeys_pk', ['id'])
    .addUniqueConstraint('passkeys_credential', ['credential_id'])
    .execute()
  await index(target, 'passkeys', ['tenant_id', 'user_id'])
  await table(target, 'passkey_challenges', {
    tenant_id: 'text',
    challenge_hash: 'text',
    purpose: 'text',
    bound_to: 'text?',
    origin: 'text',
    expires_at: 'text',
  })
    .addPrimaryKeyConstraint('passkey_challenges_pk', ['challenge_hash'])
    .execute()
  await index(target, 'passkey_challenges', ['expires_at'])
}
