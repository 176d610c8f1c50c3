import { CordonError } from '../../model/errors.ts'
import { type Reader, readDocument } from '../../model/safety/fields.ts'

/**
 * Reads a body of one of Cordon's own operations.
 * @throws CordonError BadRequest naming every field that is wrong
 */
export function readFields<T>(reader: Reader<T>, body: unknown): T {
  const read = readDocument(reader, body)
  if (read.ok) return read.value
  const texts = read.faults.map(({ path, problem }) => `${path === '' ? 'The body' : path} ${problem}`)
  const target = read.faults[0]?.path
  throw new CordonError('BadRequest', `${texts.slice(0, 5).join('; ')}.`, {
    ...(target === undefined || target === '' ? {} : { target }),
    details: read.faults.map(({ path, problem }) => ({ target: path, message: problem })),
  })
}
