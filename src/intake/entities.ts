import type {
  AlertEvidence,
  DeviceEvidence,
  FileDetails,
  IpEvidence,
  LoggedOnUser,
  UserAccount,
} from '../model/generated.ts'
import { canonicalAddress, namesMachine } from './addresses.ts'
import type { EntityKind, EntityRef } from './normalised.ts'
import { maxEntityValue, shortenKey } from './text.ts'

/** Accounts every system has: `root` here is not `root` there. */
const builtInAccounts: ReadonlySet<string> = new Set([
  'root',
  'system',
  'administrator',
  'guest',
  'nobody',
  'www-data',
  'daemon',
  'local service',
  'network service',
  'anonymous logon',
  'localsystem',
])

/** Hashes of the empty file, which every empty file shares. */
const emptyFile: ReadonlySet<string> = new Set([
  'd41d8cd98f00b204e9800998ecf8427e',
  'da39a3ee5e6b4b0d3255bfef95601890afd80709',
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
])

/** Folders whose paths are the same on every host. */
const systemPath =
  /^(\/(etc|bin|sbin|lib|lib64|usr|boot|dev|proc|sys|run|var\/(log|lib|run))\/|[a-z]:\\(windows|program files)\b)/

/** Domains under which systems keep accounts of their own. */
const systemDomains: ReadonlySet<string> = new Set([
  'nt authority',
  'nt service',
  'builtin',
  'window manager',
  'font driver host',
])

/** Programs of the system itself: an alert that names one by its name alone says nothing about a shared file. */
const systemPrograms: ReadonlySet<string> = new Set([
  'cmd.exe',
  'powershell.exe',
  'pwsh.exe',
  'svchost.exe',
  'explorer.exe',
  'rundll32.exe',
  'regsvr32.exe',
  'wscript.exe',
  'cscript.exe',
  'mshta.exe',
  'services.exe',
  'lsass.exe',
  'bash',
  'dash',
  'sh',
  'zsh',
  'ssh',
  'sshd',
  'sudo',
  'su',
  'cron',
  'crond',
  'curl',
  'wget',
  'perl',
  'python',
  'python3',
  'systemd',
])

/**
 * The things an alert's evidence names. Several names of one thing (host name and DNS name, the account's UPN and SID, a host and its
 * own addresses) share one `thing` number. The same name twice is kept once.
 */
export function entitiesOf(evidence: readonly AlertEvidence[]): EntityRef[] {
  const found = new Collector()
  for (const item of evidence) addEvidence(found, item)
  return found.entities
}

/** Gathers names without repeats. Local to one alert. */
class Collector {
  readonly entities: EntityRef[] = []
  readonly #seen = new Set<string>()
  #thing = 0

  /** Begins a new thing and returns its number. */
  next(): number {
    this.#thing += 1
    return this.#thing
  }

  add(thing: number, kind: EntityKind, name: string | null, links = true): void {
    if (name === null || name === '') return
    const value = shortenKey(name, maxEntityValue)
    const key = `${kind}\n${value}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    this.entities.push({ kind, value, thing, links })
  }
}

type AddEvidence = { readonly [item in AlertEvidence as item['@odata.type']]?: (found: Collector, item: item) => void }

/** What each evidence type names; evidence of other types is kept as sent and no rule looks at it. */
const byType: AddEvidence = {
  '#microsoft.graph.security.deviceEvidence': addDevice,
  '#microsoft.graph.security.userEvidence': (found, item) => addAccount(found, item.userAccount),
  '#microsoft.graph.security.fileEvidence': (found, item) => addDetails(found, item.fileDetails),
  '#microsoft.graph.security.fileHashEvidence': (found, item) => addHash(found, found.next(), lower(item.value)),
  '#microsoft.graph.security.processEvidence': (found, item) => {
    addDetails(found, item.imageFile)
    addDetails(found, item.parentProcessImageFile)
    addAccount(found, item.userAccount)
    found.add(found.next(), 'device', lower(item.mdeDeviceId))
  },
  '#microsoft.graph.security.malwareEvidence': (found, item) => {
    for (const file of item.files) addDetails(found, file.fileDetails)
    for (const process of item.processes) addDetails(found, process.imageFile)
  },
  '#microsoft.graph.security.hostLogonSessionEvidence': (found, item) => {
    if (item.host !== null) addDevice(found, item.host)
    addAccount(found, item.account?.userAccount ?? null)
  },
  '#microsoft.graph.security.ipEvidence': addIp,
  '#microsoft.graph.security.networkConnectionEvidence': (found, item) => {
    addIp(found, item.sourceAddress)
    addIp(found, item.destinationAddress)
  },
  '#microsoft.graph.security.dnsEvidence': (found, item) => {
    found.add(found.next(), 'domain', lower(item.domainName), false)
    for (const address of item.ipAddresses) addIp(found, address)
    addIp(found, item.hostIpAddress)
  },
  '#microsoft.graph.security.urlEvidence': (found, item) => found.add(found.next(), 'url', item.url, false),
  '#microsoft.graph.security.mailboxEvidence': (found, item) => {
    const thing = found.next()
    found.add(thing, 'mailbox', lower(item.primaryAddress))
    found.add(thing, 'mailbox', lower(item.upn))
    found.add(thing, 'user', lower(item.upn))
  },
  '#microsoft.graph.security.analyzedMessageEvidence': (found, item) => {
    found.add(found.next(), 'mailbox', lower(item.recipientEmailAddress))
    found.add(found.next(), 'mailbox', lower(item.p1Sender?.emailAddress))
    found.add(found.next(), 'mailbox', lower(item.p2Sender?.emailAddress))
    found.add(found.next(), 'message', lower(item.networkMessageId ?? item.internetMessageId))
    addAddress(found, found.next(), item.senderIp)
    for (const link of item.urls.slice(0, 20)) found.add(found.next(), 'url', link, false)
  },
  '#microsoft.graph.security.cloudApplicationEvidence': (found, item) => addApplication(found, item.appId),
  '#microsoft.graph.security.oauthApplicationEvidence': (found, item) => addApplication(found, item.appId),
}

function addEvidence<T extends AlertEvidence>(found: Collector, item: T): void {
  // The table is keyed by the very discriminator of its handler's item.
  const add = byType[item['@odata.type']] as ((found: Collector, item: T) => void) | undefined
  add?.(found, item)
}

function addApplication(found: Collector, appId: string | number | null): void {
  found.add(found.next(), 'application', appId === null ? null : String(appId).toLowerCase(), false)
}

/** A host and the addresses of its own interfaces; its outer address may be shared by a whole site and is left out. */
function addDevice(found: Collector, item: DeviceEvidence): void {
  const thing = found.next()
  const hostName = lower(item.hostName)
  const dnsName = lower(item.deviceDnsName)?.replace(/\.$/, '') ?? null
  found.add(thing, 'device', hostName, hostName !== 'localhost')
  found.add(thing, 'device', dnsName, dnsName !== 'localhost')
  found.add(thing, 'device', lower(item.mdeDeviceId))
  found.add(thing, 'device', lower(item.azureAdDeviceId))
  addAddress(found, thing, item.lastIpAddress)
  for (const address of item.ipInterfaces) addAddress(found, thing, address.split('/', 1)[0] ?? address)
  for (const logon of item.loggedOnUsers) addLogon(found, logon)
}

/** Being logged on is company, not involvement: kept for search, never a link. */
function addLogon(found: Collector, logon: LoggedOnUser): void {
  addNames(found, found.next(), logon.accountName, logon.domainName, false)
}

function addAccount(found: Collector, account: UserAccount | null): void {
  if (account === null) return
  const thing = found.next()
  found.add(thing, 'user', lower(account.userPrincipalName))
  addNames(found, thing, account.accountName, account.domainName, true)
  // S-1-5-18, -19, -20 are the system's own accounts, the same on every host.
  found.add(thing, 'user', lower(account.userSid), !/^s-1-5-(18|19|20)$/i.test(account.userSid ?? ''))
  found.add(thing, 'user', lower(account.azureAdUserId))
}

/** The bare name, and `domain\name` when the domain is known. */
function addNames(
  found: Collector,
  thing: number,
  accountName: string | null,
  domainName: string | null,
  links: boolean,
): void {
  const name = lower(accountName)
  if (name === null) return
  const domain = lower(domainName)
  // `contoso\administrator` is one account; the bare name and those of the system's own domains stand for many.
  const ownDomain = domain !== null && !systemDomains.has(domain)
  found.add(thing, 'user', name, links && !builtInAccounts.has(name))
  if (domain !== null)
    found.add(thing, 'user', `${domain}\\${name}`, links && (ownDomain || !builtInAccounts.has(name)))
}

/** A file is its strongest hash; without any, its path, or its name alone. */
function addDetails(found: Collector, details: FileDetails | null): void {
  if (details === null) return
  const thing = found.next()
  const hashes = [details.sha256, details.sha1, details.md5].map(lower).filter((hash) => hash !== null)
  for (const hash of hashes) addHash(found, thing, hash)
  if (hashes.length > 0) return
  const name = lower(details.fileName)
  const whole = wholePath(lower(details.filePath), name)
  const base = name ?? whole?.split(/[\\/]/).at(-1) ?? ''
  found.add(thing, 'file', whole, !systemPrograms.has(base) && !systemPath.test(whole ?? ''))
}

function addHash(found: Collector, thing: number, hash: string | null): void {
  found.add(thing, 'file', hash, hash !== null && !emptyFile.has(hash))
}

/** Sensors give the folder, or the path with the name, or the name alone. */
function wholePath(path: string | null, name: string | null): string | null {
  if (path === null || name === null || path.endsWith(name)) return path ?? name
  return path.replace(/[\\/]$/, '') + (path.includes('\\') ? '\\' : '/') + name
}

function addIp(found: Collector, item: IpEvidence | null): void {
  if (item !== null) addAddress(found, found.next(), item.ipAddress)
}

function addAddress(found: Collector, thing: number, text: string | null): void {
  const address = text === null ? null : canonicalAddress(text.trim())
  if (address !== null) found.add(thing, 'address', address, namesMachine(address))
}

function lower(text: string | null | undefined): string | null {
  const name = text?.trim().toLowerCase()
  return name === undefined || name === '' ? null : name
}
