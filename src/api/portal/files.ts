import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { OpenHandler } from '../route.ts'
import { portalHeaders } from './html.ts'

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Names of the files of a page that is not built but served as it stands in its folder, the page itself among them. */
export function listPortalFiles(from: string): string[] {
  return readdirSync(from).filter((name) => extname(name) in contentTypes)
}

/**
 * Serves one file of a page, read once at start. Caches must ask again each time (`no-cache`), and get 304 while it is unchanged, so
 * that a new version is never mixed with an old one.
 */
export function servePortalFile(name: string, from: string): OpenHandler {
  const body = readFileSync(join(from, name))
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  const contentType = contentTypes[extname(name)] ?? 'application/octet-stream'
  const headers = { ...portalHeaders, ETag: etag, 'Cache-Control': 'no-cache' }
  return async (call) => {
    const known = String(call.headers['if-none-match'] ?? '')
    const isKnown = known.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
    return isKnown ? { status: 304, headers } : { status: 200, contentType, headers, body }
  }
}
