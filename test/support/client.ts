import type { Client, Reply } from './cordon.ts'

/**
 * A client of a server without TLS. Its requests throw when the server is gone: then nobody knows what became of them.
 * @param origin `http://127.0.0.1:port`
 * @param credentials headers of every request
 */
export function makeClient(origin: string, credentials: Readonly<Record<string, string>>): Client {
  const send: Client['send'] = async (method, path, body, headers): Promise<Reply> => {
    const answer = await fetch(`${origin}${path}`, {
      method,
      headers: { ...credentials, ...headers },
      body: body ?? null,
      signal: AbortSignal.timeout(60_000),
    })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true && text !== ''
    return {
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      text,
      body: isJson ? JSON.parse(text) : undefined,
    }
  }
  const withJson = (method: string, path: string, body: unknown, headers?: Record<string, string>): Promise<Reply> =>
    body === undefined
      ? send(method, path, undefined, headers)
      : send(method, path, JSON.stringify(body), { 'content-type': 'application/json', ...headers })
  return {
    send,
    get: (path, headers) => send('GET', path, undefined, headers),
    post: (path, body, headers) => withJson('POST', path, body, headers),
    patch: (path, body, headers) => withJson('PATCH', path, body, headers),
  }
}
