import { createHmac } from 'node:crypto'
import type { Clock } from '../../../io/clock.ts'
import type { Outbound } from '../../../io/outbound.ts'
import { headlineOf, linesOf, type NoticeMessage, sayEvent } from '../../../model/notices/message.ts'
import type { NoticeWish } from '../../../model/notices/notice.ts'
import { wishFields } from '../../../model/notices/settings.ts'
import { object, type Reader } from '../../../model/safety/fields.ts'
import { ChannelProblem, type Letter, stepMs, type Transport } from './transport.ts'

/** Where a webhook goes. */
interface WebhookSettings extends NoticeWish {
  /** `https://host[:port]/path`. Where the path is what lets somebody in, it is the secret `path` instead. */
  readonly url: string
}

/** What a webhook needs. */
interface WebhookDeps {
  readonly clock: Clock
  readonly outbound: Outbound
}

/** 24 to 64 bytes in base64. @source Standard Webhooks, "signature scheme" */
const secretForm = /^(?:whsec_)?([A-Za-z0-9+/]{32,88}={0,2})$/

/** The way by a signed POST, as chats and automations take it. */
export function createWebhookTransport(deps: WebhookDeps): Transport<WebhookSettings> {
  const url: Reader<string> = (value, path, faults) => {
    const refused = typeof value === 'string' ? deps.outbound.check(value) : 'The URL must begin with https://.'
    if (refused === null && typeof value === 'string') return value
    faults.push({ path, problem: `must be an https URL that may be called: ${refused}` })
    return ''
  }
  return {
    name: 'webhook',
    secretNames: ['signingSecret', 'path'],
    reachesPeople: false,
    settings: object<WebhookSettings>({ url, ...wishFields }),
    addressOf: ({ url: address }) => {
      const { hostname, port } = new URL(address)
      return `https://${hostname}:${port || '443'}`
    },
    send: (letter) => post(deps, letter),
  }
}

async function post(
  { clock, outbound }: WebhookDeps,
  { settings, secrets, message }: Letter<WebhookSettings>,
): Promise<void> {
  const secret = secretForm.exec(secrets.signingSecret?.reveal() ?? '')?.[1]
  if (secret === undefined) throw secretMissing()
  const body = JSON.stringify(writeBody(message))
  const seconds = Math.floor(clock.nowMs() / 1000)
  const signature = createHmac('sha256', Buffer.from(secret, 'base64')).update(`${message.id}.${seconds}.${body}`)
  const path = secrets.path?.reveal()
  const answer = await outbound.post({
    url: path === undefined ? settings.url : `${new URL(settings.url).origin}/${path.replace(/^\/+/, '')}`,
    contentType: 'application/json; charset=utf-8',
    body,
    timeoutMs: stepMs,
    // @source Standard Webhooks: the id stays over all attempts, the time is that of this one
    headers: {
      'webhook-id': message.id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': `v1,${signature.digest('base64')}`,
    },
  })
  if (!('failed' in answer) && answer.status >= 200 && answer.status < 300) return
  throw explain(settings.url, answer)
}

/** `text` is what chats show; the rest is for programs. */
function writeBody(message: NoticeMessage): object {
  const { event, severity, at, tenant, incident, task, action, remark, link } = message
  const [headline, ...lines] = [headlineOf(message), ...linesOf(message)].map(calm)
  return {
    type: `cordon.${event}`,
    timestamp: `${at.slice(0, 23)}Z`,
    // The link is ours and stays one.
    text: [headline, ...lines.slice(0, -1), link].filter((line) => line !== '').join('\n'),
    data: { event, what: sayEvent(event), severity, at, tenant, incident, task, action, remark, link },
  }
}

/** What chats take for markup, mentions or links of their own. */
function calm(line: string): string {
  return line.replaceAll(/[<>[\]`|*~]/g, ' ').replaceAll('&', '+')
}

function explain(url: string, answer: Awaited<ReturnType<Outbound['post']>>): ChannelProblem {
  const { host } = new URL(url)
  const setting = 'url'
  if ('failed' in answer) {
    const forbidden = answer.failed === 'refused'
    return new ChannelProblem({
      code: forbidden ? 'AddressForbidden' : 'Unreachable',
      detail: `https://${host}: ${answer.reason}`,
      lasting: false,
      setting,
      fix: forbidden
        ? 'Start the server with --outbound-allow NETWORK:PORT for it, e.g. 10.1.2.0/24:443.'
        : 'Check host, port, firewall and the certificate of the receiver.',
    })
  }
  const { status } = answer
  // Gone, or nothing that a repeat could change; a receiver that is busy or broken is asked again.
  const lasting = status >= 300 && status < 500 && ![401, 403, 404, 408, 425, 429].includes(status)
  return new ChannelProblem({
    code: 'WebhookRefused',
    detail: `https://${host} answered ${status}.`,
    lasting,
    setting,
    fix: 'Correct url, path or signingSecret, or look into the log of the receiver.',
  })
}

function secretMissing(): ChannelProblem {
  return new ChannelProblem({
    code: 'SecretMissing',
    detail: 'signingSecret is not set, or is not 24 to 64 bytes in base64.',
    lasting: true,
    setting: 'signingSecret',
    fix: 'Set signingSecret, e.g. to the output of openssl rand -base64 32; it is cleared when the address changes.',
  })
}
