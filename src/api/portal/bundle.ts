import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants } from 'node:zlib'
import { makeSecret } from '../../access/secret-text.ts'
import type { Answer, OpenHandler } from '../route.ts'
import { answerPage, portalHeaders, shellHeaders } from './html.ts'

/** Where the built portal stands, seen from the sources as from the compiled package; see tools/portal/build.ts. */
const folder = fileURLToPath(new URL('../../../dist/portal/app/', import.meta.url))

const contentTypes: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Names of the built portal's files below `/assets`; none before it was built. */
export function listBundleFiles(): string[] {
  const assets = join(folder, 'assets')
  return existsSync(assets) ? readdirSync(assets).filter((name) => extname(name) in contentTypes) : []
}

/**
 * Serves one file of the bundle, read when it is first asked for. A name that carries the hash of its content is kept by caches for good;
 * the others are asked for again each time, and are small.
 */
export function serveBundleFile(name: string): OpenHandler {
  let read: { readonly plain: Buffer; readonly small: Buffer } | undefined
  const isHashed = /-[0-9a-f]{8}\.\w+$/.test(name)
  const headers = {
    ...portalHeaders,
    'Cache-Control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    Vary: 'Accept-Encoding',
  }
  const contentType = contentTypes[extname(name)] ?? 'application/octet-stream'
  return async (call) => {
    read ??= readSmall(join(folder, 'assets', name))
    const takesSmall = /(^|[\s,])br($|[\s,;])/.test(String(call.headers['accept-encoding'] ?? ''))
    return takesSmall
      ? { status: 200, contentType, headers: { ...headers, 'Content-Encoding': 'br' }, body: read.small }
      : { status: 200, contentType, headers, body: read.plain }
  }
}

function readSmall(path: string): { plain: Buffer; small: Buffer } {
  const plain = readFileSync(path)
  const small = brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } })
  return { plain, small }
}

/**
 * Serves the page shell, the same for every address of the portal. Each answer has a nonce of its own, for the one style element that the
 * page writes itself: the one that keeps the page behind an open dialog from scrolling.
 */
export function serveShell(): OpenHandler {
  let shell: string | undefined
  return async () => {
    if (shell === undefined && !existsSync(join(folder, 'index.html'))) return answerUnbuilt()
    shell ??= readFileSync(join(folder, 'index.html'), 'utf8')
    const nonce = makeSecret()
    return {
      status: 200,
      contentType: 'text/html; charset=utf-8',
      headers: { ...shellHeaders(nonce), 'Cache-Control': 'no-store' },
      body: shell.replace('{{nonce}}', nonce),
    }
  }
}

function answerUnbuilt(): Answer {
  const main =
    '<p>Its files are not built. Run <code>npm run build</code> in the clone, then start the server again.</p>'
  return answerPage(503, 'The portal is not here', main)
}
