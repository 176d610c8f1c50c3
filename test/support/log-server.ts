import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/io/clock.ts'
import { loadTls } from '../../src/io/tls.ts'
import { waitUntil } from './answers.ts'
import { type Ending, onEnd } from './cleanup.ts'
import { findFreePort, stopChild } from './postgres.ts'

/** A record as rsyslog read it. */
export interface LogRecord {
  readonly pri: string
  readonly host: string
  readonly app: string
  readonly messageId: string
  readonly data: string
  readonly text: string
}

/** Debian's rsyslogd, taking records over TLS on loopback. */
export interface LogServer {
  readonly port: number
  /** PEM of the CA of its certificate. */
  readonly ca: string
  /** Waits for so many records. */
  wait(count: number): Promise<LogRecord[]>
}

/** Starts rsyslogd; it ends with the test. */
export async function startLogServer(t: Ending): Promise<LogServer> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-rsyslog-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  const tls = await loadTls(folder, ['localhost', '127.0.0.2'], systemClock)
  const records = join(folder, 'records')
  writeFileSync(records, '')
  const port = await listen(t, folder, records, 3)
  return {
    port,
    ca: tls.ca,
    wait: (count) =>
      waitUntil(
        async () => readRecords(records),
        (all) => all.length >= count,
      ),
  }
}

/** Starts it on a free port. One that somebody else took meanwhile it does without, and goes on: then another is tried. */
async function listen(t: Ending, folder: string, records: string, tries: number): Promise<number> {
  const port = await findFreePort()
  writeFileSync(join(folder, 'rsyslog.conf'), writeConfig(folder, port, records))
  const child = spawn('/usr/sbin/rsyslogd', ['-n', '-f', join(folder, 'rsyslog.conf'), '-i', join(folder, 'pid')], {
    stdio: 'ignore',
  })
  onEnd(t, () => stopChild(child, 'SIGKILL'))
  try {
    await waitUntil(
      () => isOpen(port),
      (open) => {
        if (child.exitCode !== null) throw new Error(`rsyslogd ended with ${child.exitCode} before it was ready`)
        return open
      },
      60,
    )
    return port
  } catch (cause) {
    if (tries <= 1) throw cause
    await stopChild(child, 'SIGKILL')
    rmSync(join(folder, 'pid'), { force: true })
    return listen(t, folder, records, tries - 1)
  }
}

/** Everything rsyslog made of a record, as one line of JSON. */
function writeConfig(folder: string, port: number, records: string): string {
  const fields = ['pri', 'hostname', 'app-name', 'msgid', 'structured-data', 'msg']
  const shown = fields.map((name) => `property(name="${name}" format="jsonf" outname="${name}")`)
  return [
    `global(workDirectory="${folder}" defaultNetstreamDriver="gtls"`,
    `  defaultNetstreamDriverCAFile="${folder}/tls/ca.crt"`,
    `  defaultNetstreamDriverCertFile="${folder}/tls/server.crt"`,
    `  defaultNetstreamDriverKeyFile="${folder}/tls/server.key")`,
    'module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")',
    `template(name="whole" type="list") { constant(value="{") ${shown.join(' constant(value=",") ')} constant(value="}\\n") }`,
    `ruleset(name="take") { action(type="omfile" file="${records}" template="whole") }`,
    `input(type="imtcp" port="${port}" address="127.0.0.2" ruleset="take")`,
    '',
  ].join('\n')
}

function readRecords(file: string): LogRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => {
    const read = JSON.parse(line)
    return {
      pri: read.pri,
      host: read.hostname,
      app: read['app-name'],
      messageId: read.msgid,
      data: read['structured-data'],
      text: read.msg,
    }
  })
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.2', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
