import { createServer, type OutgoingHttpHeaders } from 'node:http'

/** An answer as Cordon gave it. */
export interface Recorded {
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  /** Base64. */
  readonly body: string
}

/**
 * The least a Node server can do for the same answers: look the path up and send the very same bytes, headers included. No TLS, no
 * authentication, no store.
 */
function serveRecorded(recorded: readonly Recorded[]): void {
  const answers = new Map(
    recorded.map(({ path, headers, body }) => [path, { headers, body: Buffer.from(body, 'base64') }] as const),
  )
  const server = createServer((request, response) => {
    const answer = answers.get(request.url ?? '')
    request.resume()
    if (!answer) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, answer.headers).end(answer.body)
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (address !== null && typeof address !== 'string') process.send?.(`http://127.0.0.1:${address.port}`)
  })
}

process.once('message', serveRecorded)
process.on('disconnect', () => process.exit())
