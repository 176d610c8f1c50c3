import { crc32, deflateRawSync } from 'node:zlib'

/** Takes bytes of the archive in their order. */
export type TakeBytes = (bytes: Buffer) => Promise<void>

/** A ZIP archive that is written from front to end; nothing of it is kept but the list of its entries. */
export interface ZipWriter {
  /**
   * Adds a file.
   * @param name ASCII, without folders of the host
   * @param keepBytes what must stay free for later entries
   * @returns false when it would not fit any more; nothing was written then
   */
  readonly add: (name: string, content: Buffer, keepBytes: number) => Promise<boolean>
  /** Writes the list of entries. @returns bytes of the whole archive */
  readonly finish: () => Promise<number>
}

const LOCAL_BYTES = 30
const CENTRAL_BYTES = 46
const END_BYTES = 22
const DEFLATE = 8
/** Version 2.0 of the format: deflate and folders. */
const VERSION = 20

interface Entry {
  readonly name: Buffer
  readonly crc: number
  readonly packed: number
  readonly size: number
  readonly offset: number
}

/**
 * Opens an archive.
 * @param maxBytes bytes it may have in all, its list of entries among them; below 4 GiB, so that no ZIP64 is needed
 * @source PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12, 4.3.16
 */
export function openZip(take: TakeBytes, maxBytes: number): ZipWriter {
  const entries: Entry[] = []
  let offset = 0
  let listBytes = END_BYTES
  return {
    add: async (name, content, keepBytes) => {
      const named = Buffer.from(name, 'ascii')
      const packed = deflateRawSync(content, { level: 6 })
      const listed = CENTRAL_BYTES + named.length
      const needed = LOCAL_BYTES + named.length + packed.length
      if (offset + needed + listBytes + listed + keepBytes > maxBytes) return false
      const entry = { name: named, crc: crc32(content), packed: packed.length, size: content.length, offset }
      await take(Buffer.concat([writeLocal(entry), named]))
      await take(packed)
      entries.push(entry)
      offset += needed
      listBytes += listed
      return true
    },
    finish: async () => {
      const list = Buffer.concat(entries.flatMap((entry) => [writeCentral(entry), entry.name]))
      await take(Buffer.concat([list, writeEnd(entries.length, list.length, offset)]))
      return offset + list.length + END_BYTES
    },
  }
}

function writeLocal({ name, crc, packed, size }: Entry): Buffer {
  const head = Buffer.alloc(LOCAL_BYTES)
  head.writeUInt32LE(0x04034b50, 0)
  head.writeUInt16LE(VERSION, 4)
  head.writeUInt16LE(DEFLATE, 8)
  writeSizes(head, 10, { crc, packed, size, nameBytes: name.length })
  return head
}

function writeCentral({ name, crc, packed, size, offset }: Entry): Buffer {
  const head = Buffer.alloc(CENTRAL_BYTES)
  head.writeUInt32LE(0x02014b50, 0)
  head.writeUInt16LE(VERSION, 4)
  head.writeUInt16LE(VERSION, 6)
  head.writeUInt16LE(DEFLATE, 10)
  writeSizes(head, 12, { crc, packed, size, nameBytes: name.length })
  head.writeUInt32LE(offset, 42)
  return head
}

/** The twenty bytes that both kinds of header share: a fixed date (the manifest has the times), check sum, sizes, length of the name. */
function writeSizes(
  head: Buffer,
  at: number,
  of: { readonly crc: number; readonly packed: number; readonly size: number; readonly nameBytes: number },
): void {
  // 1 January 1980, the first day the format knows.
  head.writeUInt16LE(0x0021, at + 2)
  head.writeUInt32LE(of.crc, at + 4)
  head.writeUInt32LE(of.packed, at + 8)
  head.writeUInt32LE(of.size, at + 12)
  head.writeUInt16LE(of.nameBytes, at + 16)
}

function writeEnd(count: number, listBytes: number, offset: number): Buffer {
  const end = Buffer.alloc(END_BYTES)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(listBytes, 12)
  end.writeUInt32LE(offset, 16)
  return end
}
