import type { FailureClass } from '../../connector.ts'

/** What is wrong with a directory, and which setting to look at. */
export interface ProblemFacts {
  /** PascalCase. */
  readonly code: string
  readonly failureClass: FailureClass
  readonly detail: string
  /** Name of the setting or secret; null when none can help. */
  readonly setting: string | null
  readonly fix: string
}

/** A directory that cannot be asked or will not do it. Its text never holds what a server or a person wrote. */
export class DirectoryProblem extends Error {
  override readonly name: string = 'DirectoryProblem'
  readonly facts: ProblemFacts

  constructor(facts: ProblemFacts, cause?: unknown) {
    super(facts.detail, { cause })
    this.facts = facts
  }
}

/** RFC 4511 result codes that say something about the set-up or the moment. */
const results: Readonly<Record<number, Omit<ProblemFacts, 'detail'> & { readonly what: string }>> = {
  8: {
    code: 'StrongerAuthRequired',
    what: 'the directory wants a stronger authentication than a simple bind over TLS',
    failureClass: 'permanent',
    setting: 'bindDn',
    fix: 'Allow a simple bind over TLS to this account.',
  },
  10: {
    code: 'Referral',
    what: 'the directory refers to another server',
    failureClass: 'permanent',
    setting: 'url',
    fix: 'Name the server that holds the entries and takes writes.',
  },
  17: {
    code: 'NoPasswordPolicy',
    what: 'the directory does not know the attribute',
    failureClass: 'permanent',
    setting: 'url',
    fix: 'Load the ppolicy overlay in the directory.',
  },
  32: {
    code: 'NoSuchEntry',
    what: 'the entry is not there, or the account may not see it',
    failureClass: 'permanent',
    setting: 'baseDn',
    fix: 'Correct the name, or give the account read access.',
  },
  49: {
    code: 'WrongPassword',
    what: 'the directory refuses the account or its password',
    failureClass: 'permanent',
    setting: 'bindPassword',
    fix: 'Set bindPassword anew, and check bindDn.',
  },
  50: {
    code: 'InsufficientAccess',
    what: "the connector's account may not do this",
    failureClass: 'permanent',
    setting: 'bindDn',
    fix: 'Give the account write access to pwdAccountLockedTime and pwdReset of users, and read access to users and policies.',
  },
  51: {
    code: 'DirectoryBusy',
    what: 'the directory is busy',
    failureClass: 'transient',
    setting: null,
    fix: 'Nothing; it is tried again.',
  },
  52: {
    code: 'DirectoryUnavailable',
    what: 'the directory is shutting down or not ready',
    failureClass: 'transient',
    setting: null,
    fix: 'Nothing; it is tried again.',
  },
  53: {
    code: 'UnwillingToPerform',
    what: 'the directory will not do it, e.g. because it is a read-only replica',
    failureClass: 'permanent',
    setting: 'url',
    fix: 'Name the server that takes writes.',
  },
}

/**
 * An LDAP answer that is no success, or a connection that ended, as a problem.
 * @param lost what it means that no answer came
 */
export function toProblem(cause: unknown, doing: string, lost: FailureClass): DirectoryProblem {
  if (cause instanceof DirectoryProblem) return cause
  const number = readResultCode(cause)
  if (number !== null) {
    const known = results[number]
    if (known !== undefined) {
      const { what, ...facts } = known
      return new DirectoryProblem({ ...facts, detail: `${doing}: ${what} (LDAP result ${number}).` }, cause)
    }
    const detail = `${doing}: the directory answered LDAP result ${number}.`
    const fix = 'Look the result code up in RFC 4511 and the log of the directory.'
    return new DirectoryProblem({ code: 'LdapError', failureClass: 'permanent', detail, setting: null, fix }, cause)
  }
  return new DirectoryProblem(
    {
      code: 'ConnectionLost',
      failureClass: lost,
      detail: `${doing}: the connection ended, or no answer came in time.`,
      setting: null,
      fix: 'Nothing; the directory is asked again.',
    },
    cause,
  )
}

/** The result code of RFC 4511 an error stands for; null when the server said nothing. The codes of Node's own errors are texts. */
export function readResultCode(cause: unknown): number | null {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'number' ? cause.code : null
}

/** Why no safe connection could be made; nothing was sent. @param code of Node, e.g. ECONNREFUSED */
export function describeConnectFailure(code: string, where: string, cause: unknown): DirectoryProblem {
  const facts = connectFacts(code)
  return new DirectoryProblem({ ...facts, failureClass: 'transient', detail: `${where}: ${facts.detail}` }, cause)
}

const untrusted = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
])

function connectFacts(code: string): Omit<ProblemFacts, 'failureClass'> {
  if (untrusted.has(code)) {
    return {
      code: 'CertificateUntrusted',
      detail: 'the certificate is of a CA that is not trusted.',
      setting: 'ca',
      fix: 'Put the PEM of the CA that issued the certificate of the directory into ca.',
    }
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      code: 'CertificateName',
      detail: 'the certificate is for another name.',
      setting: 'url',
      fix: 'Use the host name that stands in the certificate of the directory.',
    }
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return {
      code: 'CertificateExpired',
      detail: 'the certificate is not valid at this time.',
      setting: 'url',
      fix: 'Renew the certificate of the directory, and check both clocks.',
    }
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL') || code === 'ECONNRESET') {
    return {
      code: 'TlsFailed',
      detail: 'the port speaks no TLS that both sides know.',
      setting: 'url',
      fix: 'Use ldaps:// with the port of LDAPS, or ldap:// with the plain port for StartTLS.',
    }
  }
  return {
    code: 'Unreachable',
    detail: code === 'ETIMEDOUT' ? 'no connection in time.' : `no connection (${code}).`,
    setting: 'url',
    fix: 'Check host and port, that the directory runs, and the firewalls in between.',
  }
}
