import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants } from 'node:zlib'
import { makeSecret } from '../../access/secret-text.ts'
import type { Answer, Call, OpenHandler } from '../route.ts'
import type { FirstPaint } from './first-paint/incident.ts'
import { answerPage, portalHeaders, shellHeaders } from './html.ts'
import { type Shell, splitShell } from './shell.ts'

/** Where the built portal stands, seen from the sources as from the compiled package; see tools/portal/build.ts. */
const builtPortal = fileURLToPath(new URL('../../../dist/portal/app/', import.meta.url))

const contentTypes: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The built portal as it was when the server started. */
export interface Bundle {
  /** What stands below `/assets`, by name; nothing before it was built. */
  readonly files: ReadonlyMap<string, Buffer>
  readonly shell: Shell | null
}

/** Reads the built portal whole: one that is built anew below a running server does not take files away from the pages it serves. */
export function readBundle(folder: string = builtPortal): Bundle {
  const assets = join(folder, 'assets')
  const names = existsSync(assets) ? readdirSync(assets).filter((name) => extname(name) in contentTypes) : []
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return {
    files: new Map(names.map((name) => [name, readFileSync(join(assets, name))])),
    shell: existsSync(join(folder, 'index.html'))
      ? splitShell(read('index.html'), JSON.parse(read('manifest.json')))
      : null,
  }
}

/**
 * Serves one file of the bundle, made small when it is first asked for. A name that carries the hash of its content is kept by caches for
 * good; the others are asked for again each time, and are small.
 */
export function serveBundleFile(name: string, plain: Buffer): OpenHandler {
  let small: Buffer | undefined
  const isHashed = /-[0-9a-f]{8}\.\w+$/.test(name)
  const headers = {
    ...portalHeaders,
    'Cache-Control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    Vary: 'Accept-Encoding',
  }
  const contentType = contentTypes[extname(name)] ?? 'application/octet-stream'
  return async (call) => {
    const takesSmall = /(^|[\s,])br($|[\s,;])/.test(String(call.headers['accept-encoding'] ?? ''))
    if (!takesSmall) return { status: 200, contentType, headers, body: plain }
    small ??= brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } })
    return { status: 200, contentType, headers: { ...headers, 'Content-Encoding': 'br' }, body: small }
  }
}

/**
 * Serves the page shell, for every address of the portal, with what the address leads to where `paint` has something for the person who asks.
 * Each answer has a nonce of its own, for the one style element that the page writes itself: the one that keeps the page behind an open
 * dialog from scrolling.
 */
export function serveShell(shell: Shell | null, paint: (call: Call) => Promise<FirstPaint | null>): OpenHandler {
  return async (call) => {
    if (shell === null) return answerUnbuilt()
    const nonce = makeSecret()
    // Without: the page reads the same by itself, and says what is wrong.
    const painted = await paint(call).catch(() => null)
    return {
      status: 200,
      contentType: 'text/html; charset=utf-8',
      headers: { ...shellHeaders(nonce), 'Cache-Control': 'no-store' },
      body: shell.write(nonce, painted?.title ?? null, painted?.body.markup ?? null),
    }
  }
}

function answerUnbuilt(): Answer {
  const main =
    '<p>Its files are not built. Run <code>npm run build</code> in the clone, then start the server again.</p>'
  return answerPage(503, 'The portal is not here', main)
}
