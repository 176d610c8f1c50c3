import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { bundleAgent, bundleGuard } from './bundle.ts'

/** What the package is made of. */
export interface DebOptions {
  /** Folder the package is written to. */
  readonly folder: string
  readonly version: string
  /** Node binary the agent runs on; Debian 12's own is too old. */
  readonly node: string
  /** `xz` makes it smaller and takes minutes, `none` is for packages that are thrown away. */
  readonly compression: 'xz' | 'gzip' | 'none'
}

const files = join(import.meta.dirname, 'files')
const home = '/usr/lib/cordon-agent'

// The heap alone: what an action needs beside it lies in its own process.
const launcher = `#!/bin/sh\nexec ${home}/node --max-old-space-size=192 ${home}/agent.mjs "$@"\n`

/**
 * Builds the Debian package of the agent with `dpkg-deb`.
 * @returns path of the package
 * @throws Error when dpkg-deb is missing or refuses
 */
export async function buildDeb(options: DebOptions): Promise<string> {
  const stage = mkdtempSync(join(tmpdir(), 'cordon-deb-'))
  try {
    chmodSync(stage, 0o755)
    const put = (path: string, content: string | Buffer, mode = 0o644): void => {
      const file = join(stage, path)
      mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
      writeFileSync(file, content)
      chmodSync(file, mode)
    }
    put('usr/bin/cordon', launcher, 0o755)
    await bundleAgent(join(stage, home, 'agent.mjs'))
    await bundleGuard(join(stage, home, 'guard.mjs'))
    for (const [path, content] of listBinding()) put(join(home, 'node_modules', path), content)
    copyFileSync(options.node, join(stage, home, 'node'))
    chmodSync(join(stage, home, 'node'), 0o755)
    for (const unit of ['cordon-agent.service', 'cordon-agent-restore.service']) {
      put(`lib/systemd/system/${unit}`, readFileSync(join(files, unit)))
    }
    put('etc/cordon/agent.conf', readFileSync(join(files, 'agent.conf')))
    put('usr/share/doc/cordon-agent/copyright', readFileSync(join(import.meta.dirname, '../../LICENSE')))
    put('DEBIAN/conffiles', '/etc/cordon/agent.conf\n')
    for (const script of ['postinst', 'prerm', 'postrm'])
      put(`DEBIAN/${script}`, readFileSync(join(files, script)), 0o755)
    const architecture = readArchitecture()
    put('DEBIAN/control', writeControl(options.version, architecture, sizeOf(join(stage, home))))
    const path = join(options.folder, `cordon-agent_${options.version}_${architecture}.deb`)
    mkdirSync(options.folder, { recursive: true })
    execFileSync('dpkg-deb', ['--root-owner-group', `-Z${options.compression}`, '--build', stage, path])
    return path
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

/** Files of koffi that the guard loads, with the prebuilt binding of this architecture. @throws Error when it is not installed */
function listBinding(): readonly (readonly [path: string, content: Buffer])[] {
  const modules = join(import.meta.dirname, '../../node_modules')
  const binding = `@koromix/koffi-linux-${process.arch}`
  const folders = readdirSync(join(modules, binding)).filter((name) => name.startsWith('linux_'))
  const loader = ['index.js', 'index.cjs', 'src/koffi/index.js', 'src/koffi/index.cjs']
  const helpers = readdirSync(join(modules, 'koffi/src/koffi/src')).filter((name) => /\.c?js$/.test(name))
  const paths = [
    ...['package.json', 'LICENSE.txt', ...loader].map((name) => join('koffi', name)),
    ...helpers.map((name) => join('koffi/src/koffi/src', name)),
    ...['package.json', 'index.js', ...folders.map((name) => join(name, 'koffi.node'))].map((name) =>
      join(binding, name),
    ),
  ]
  return paths.map((path) => [path, readFileSync(join(modules, path))] as const)
}

function writeControl(version: string, architecture: string, kibibytes: number): string {
  return [
    'Package: cordon-agent',
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    'Maintainer: The Cordon authors <cordon@localhost>',
    `Installed-Size: ${kibibytes}`,
    'Section: admin',
    'Priority: optional',
    'Depends: attr, libc6, libstdc++6, mount, nftables, util-linux',
    'Recommends: conntrack, iproute2',
    'Suggests: clamav, clamav-daemon, clamdscan',
    'Description: endpoint agent of Cordon incident response',
    ' Carries out signed response actions of a Cordon server on this host, and',
    ' proves and undoes them: isolation, programs, files, scans, indicators.',
    ' Carries its own Node runtime.',
    '',
  ].join('\n')
}

function readArchitecture(): string {
  return execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim()
}

function sizeOf(folder: string): number {
  return ['node', 'agent.mjs', 'guard.mjs'].reduce(
    (sum, name) => sum + Math.ceil(statSync(join(folder, name)).size / 1024),
    0,
  )
}
