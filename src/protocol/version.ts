/** Version of the messages between agent and server; sent in {@link PROTOCOL_HEADER} and as `v` of every command. A change an older side cannot read raises it. */
export const PROTOCOL_VERSION = 1

/** Header that names the protocol version of a request or an answer. */
export const PROTOCOL_HEADER = 'x-agent-protocol'

/** Header with the detached signature of a request (`request-signature.ts`). */
export const SIGNATURE_HEADER = 'x-signature'

/** Header with the request number of the device: a whole number, strictly rising over the life of the device key. */
export const SEQUENCE_HEADER = 'x-seq'

/** Path prefix of every route of the agent channel. */
export const AGENT_PATH = '/api/v1/agent'

/** Upper bounds of what either side reads, in bytes of the undecoded body or text; beyond them nothing is parsed. */
export const messageLimits = {
  enrollBytes: 65_536,
  ackBytes: 4_096,
  heartbeatBytes: 65_536,
  resultBytes: 262_144,
  reportsBytes: 262_144,
  commandBytes: 65_536,
  policyBytes: 262_144,
  answerBytes: 4_194_304,
} as const

/** Most commands one poll answer carries; the rest follows in the next one. */
export const MAX_COMMANDS_PER_POLL = 16

/** Longest a server holds a poll, in seconds. */
export const MAX_POLL_SECONDS = 300

/** How long a poll is held when the agent does not ask for something else, in seconds. */
export const DEFAULT_POLL_SECONDS = 55
