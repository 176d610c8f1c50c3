import { systemClock } from '../../src/io/clock.ts'
import { loadKeys } from '../../src/io/secrets.ts'
import { loadTls } from '../../src/io/tls.ts'

/** Run as a process of its own: loads the keys and certificates of the folder it is given and tells what it got. */
const folder = process.argv[2] ?? ''
const [keys, tls] = await Promise.all([loadKeys(folder), loadTls(folder, [], systemClock)])
process.send?.(
  {
    token: keys.tokenKeys.map((key) => key.kid),
    command: keys.commandKey.publicKeyPem,
    paging: keys.pagingKey.toString('hex'),
    ca: tls.ca,
    serverKey: tls.key,
  },
  () => process.disconnect(),
)
