import type { Clock, Ids } from '../../../io/clock.ts'
import type { Outbound } from '../../../io/outbound.ts'
import { SealError } from '../../../io/sealing.ts'
import type { NoticeMessage } from '../../../model/notices/message.ts'
import type { NoticeWish } from '../../../model/notices/notice.ts'
import type { ChannelKind, ConfiguredConnector, Health, OpenSecrets, SetupCheck } from '../../connector.ts'
import { createMailTransport } from './mail.ts'
import { createSyslogTransport } from './syslog.ts'
import { type ChannelFacts, ChannelProblem, readSettings, type Transport } from './transport.ts'
import { createWebhookTransport } from './webhook.ts'

/** What channels need. */
export interface ChannelDeps {
  readonly clock: Clock
  readonly ids: Ids
  readonly outbound: Outbound
  /** Origin of the portal, for the link of a test message. */
  readonly portalOrigin: () => string
}

/** Every way in which Cordon writes to people. */
export function createChannelKinds(deps: ChannelDeps): readonly ChannelKind[] {
  return [
    createChannelKind(deps, createMailTransport(deps)),
    createChannelKind(deps, createSyslogTransport(deps)),
    createChannelKind(deps, createWebhookTransport(deps)),
  ]
}

/** Puts a transport behind the face of a connector: settings, health, test, sending. */
function createChannelKind<S extends NoticeWish>(deps: ChannelDeps, transport: Transport<S>): ChannelKind {
  const found = new Map<string, Health & { readonly version: number }>()
  const attempt = async (
    connector: ConfiguredConnector,
    open: OpenSecrets,
    message: NoticeMessage,
    to: string | null,
  ): Promise<ChannelFacts | null> => {
    const problem = await carry(transport, connector, open, message, to)
    const { code = null, detail = null } = problem ?? {}
    const state = problem === null ? 'working' : 'failing'
    found.set(keyOf(connector), { state, at: deps.clock.now(), code, detail, version: connector.version })
    return problem
  }
  return {
    name: transport.name,
    secretNames: transport.secretNames,
    reachesPeople: transport.reachesPeople,
    readSettings: (value) => {
      const settings = readSettings(transport.settings, value)
      return { settings, address: transport.addressOf(settings) }
    },
    wishOf: ({ settings }) => readSettings(transport.settings, settings),
    describe: () => [],
    health: (connector) => {
      const last = found.get(keyOf(connector))
      if (last?.version !== connector.version) return { state: 'untested', at: null, code: null, detail: null }
      const { state, at, code, detail } = last
      return { state, at, code, detail }
    },
    test: async (connector, open) => [
      describeTest(connector, await attempt(connector, open, testOf(deps, connector), null)),
    ],
    send: async (connector, open, message, to) => {
      const problem = await attempt(connector, open, message, to)
      if (problem === null) return { sent: true }
      const { lasting, code, detail } = problem
      return { sent: false, lasting, code, detail }
    },
  }
}

function keyOf({ tenantId, id }: ConfiguredConnector): string {
  return `${tenantId}/${id}`
}

/** Hands a message to a transport; says what went wrong instead of throwing. */
async function carry<S extends NoticeWish>(
  transport: Transport<S>,
  connector: ConfiguredConnector,
  open: OpenSecrets,
  message: NoticeMessage,
  to: string | null,
): Promise<ChannelFacts | null> {
  try {
    const secrets = await open(connector)
    await transport.send({ settings: readSettings(transport.settings, connector.settings), secrets, message, to })
    return null
  } catch (cause) {
    if (cause instanceof ChannelProblem) return cause.facts
    if (!(cause instanceof SealError)) throw cause
    return {
      code: 'SecretUnreadable',
      detail: 'A secret of the channel cannot be opened.',
      lasting: true,
      setting: transport.secretNames[0] ?? null,
      fix: 'Set the secrets of the channel anew.',
    }
  }
}

function describeTest({ address }: ConfiguredConnector, problem: ChannelFacts | null): SetupCheck {
  if (problem === null) {
    const detail = `A test message was handed over to ${address}.`
    return { name: 'send', ok: true, detail, code: null, setting: null, fix: null }
  }
  const { code, detail, setting, fix } = problem
  return { name: 'send', ok: false, detail, code, setting, fix }
}

function testOf({ clock, ids, portalOrigin }: ChannelDeps, { tenantId, name }: ConfiguredConnector): NoticeMessage {
  return {
    id: ids.guid(),
    event: 'test',
    severity: 'informational',
    at: clock.now(),
    tenant: { id: tenantId, name: tenantId },
    incident: null,
    task: null,
    action: null,
    remark: `Sent from the settings of the channel ${name}`,
    link: `${portalOrigin()}/t/${tenantId}/incidents`,
  }
}
