import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { readJson } from '../io/json.ts'
import { CordonError } from '../model/errors.ts'
import type { BodyKind } from './route.ts'

/**
 * Reads a request body to its end, inflating gzip, never holding more than `maxBytes` of it.
 * @param maxBytes limit of the wire size and of the inflated size
 * @throws CordonError RequestEntityTooLarge, UnsupportedMediaType (another Content-Encoding), BadRequest (broken gzip)
 */
export async function readBody(stream: Readable, headers: IncomingHttpHeaders, maxBytes: number): Promise<Buffer> {
  const announced = Number(headers['content-length'] ?? 0)
  if (announced > maxBytes) throw tooLarge(maxBytes)
  const encoding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding === 'identity' || encoding === '') return collect(stream, maxBytes)
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new CordonError(
      'UnsupportedMediaType',
      `Content-Encoding '${encoding.slice(0, 40)}' is not supported; send gzip or none.`,
    )
  }
  const inflate = createGunzip({ maxOutputLength: maxBytes })
  stream.on('error', (cause) => inflate.destroy(cause))
  stream.pipe(inflate)
  try {
    return await collect(inflate, maxBytes)
  } catch (cause) {
    stream.unpipe(inflate)
    stream.resume()
    if (cause instanceof CordonError) throw cause
    if (cause instanceof RangeError) throw tooLarge(maxBytes)
    throw new CordonError('BadRequest', 'The body is not valid gzip.', { cause })
  }
}

async function collect(stream: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
}

function tooLarge(maxBytes: number): CordonError {
  return new CordonError('RequestEntityTooLarge', `The body may hold at most ${maxBytes} bytes, also after inflation.`)
}

/**
 * Makes what the handler sees of the bytes.
 * @throws CordonError UnsupportedMediaType for a body that must be JSON and does not say so; BadRequest for text that is not
 */
export function decodeBody(kind: BodyKind, bytes: Buffer, contentType: string | undefined): unknown {
  switch (kind) {
    case 'none':
      return undefined
    case 'bytes':
      return bytes
    case 'form':
      return new URLSearchParams(bytes.toString('utf8'))
    case 'optional-json':
    case 'json': {
      if (bytes.length === 0) {
        if (kind === 'optional-json') return undefined
        throw new CordonError('BadRequest', 'The request needs a JSON body.')
      }
      const type = contentType?.split(';', 1)[0]?.trim().toLowerCase()
      if (type !== 'application/json') {
        throw new CordonError('UnsupportedMediaType', 'The body must be sent as Content-Type application/json.')
      }
      return readJson(bytes)
    }
  }
}
