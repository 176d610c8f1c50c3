import type { ChannelKind, ConfiguredConnector, OpenSecrets } from '../../connectors/connector.ts'
import type { Clock, Ids } from '../../io/clock.ts'
import type { Logger } from '../../io/log.ts'
import type { Store } from '../../store/db.ts'

/** The ways to people that are set up. */
export interface Channels {
  readonly kinds: readonly ChannelKind[]
  /** A tenant's channels, by name. */
  list(tenantId: string): Promise<readonly ConfiguredConnector[]>
  readonly open: OpenSecrets
}

/** What telling people needs. */
export interface PeopleDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Logger
  readonly channels: Channels
  /** Origin of the portal, e.g. `https://cordon.example`. */
  readonly portalOrigin: () => string
}

/** A channel with what it is of. */
export interface Channel {
  readonly kind: ChannelKind
  readonly connector: ConfiguredConnector
}

/** A tenant's channels, by name. */
export async function listChannels(
  { kinds, list }: Pick<Channels, 'kinds' | 'list'>,
  tenantId: string,
): Promise<Channel[]> {
  return (await list(tenantId)).flatMap((connector) => {
    const kind = kinds.find(({ name }) => name === connector.kind)
    return kind === undefined ? [] : [{ kind, connector }]
  })
}
