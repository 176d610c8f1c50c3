import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'

const root = join(import.meta.dirname, '../..')
/** Where the built portal stands; the server serves it from there, in a clone as in the published package. */
export const outDir: string = join(root, 'dist/portal/app')
const stampFile = join(outDir, 'built-from')

/** What the bundle depends on: its own sources, the words and rules it shares with the server, the recipe and its libraries. */
const inputs = ['src/portal/{app,shown}/**/*', 'src/model/**/*.ts', 'tools/portal/*.ts', 'package-lock.json']

/** Marks for servers that render, while this bundle is for the browser alone; and how long the build's own parts took. */
const quiet = new Set(['MODULE_LEVEL_DIRECTIVE', 'PLUGIN_TIMINGS'])

/** Nothing is painted before the styles are there: they are asked for before the scripts, which are thirty times their size. */
const putStylesFirst: Plugin = {
  name: 'styles-first',
  transformIndexHtml: {
    order: 'post',
    handler: (page) => {
      const styles = /[ \t]*<link rel="stylesheet"[^>]*>\n/.exec(page)?.[0]
      return styles === undefined ? page : page.replace(styles, '').replace(/(?=[ \t]*<script)/, styles)
    },
  },
}

/**
 * What every screen begins with comes in a handful of files instead of thirty: each file costs the server, the browser and the line as much as some
 * kilobytes do. What the sign-in page has in common with it is a file of its own, or that page would load the portal.
 */
const firstScripts = [
  { name: 'session', priority: 1, test: /\/app\/(?:api\/(?:session|read)|frame\/sign-in\/ceremony)\.ts$/ },
  { name: 'portal', tags: ['$initial' as const], test: /(?<!index\.html|main\.tsx|sign-in\/page\.ts)$/ },
]

/** True when the built portal is the one the sources give. */
export function isPortalFresh(): boolean {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === fingerprint()
}

/**
 * Builds the portal into {@link outDir}. File names carry the hash of their content, in hexadecimal, because paths of the server have no
 * case.
 */
export async function buildPortal(): Promise<void> {
  const from = fingerprint()
  const [{ build }, { default: tailwind }] = await Promise.all([import('vite'), import('@tailwindcss/vite')])
  await build({
    configFile: false,
    root: join(root, 'src/portal/app'),
    logLevel: 'warn',
    plugins: [tailwind(), putStylesFirst],
    worker: {
      format: 'es',
      rolldownOptions: { output: { hashCharacters: 'hex', entryFileNames: 'assets/[name]-[hash].js' } },
    },
    build: {
      outDir,
      emptyOutDir: true,
      manifest: 'manifest.json',
      target: 'es2022',
      // The polyfill would be a script in the page, which the content security policy refuses; browsers of this target need none.
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      reportCompressedSize: false,
      rolldownOptions: {
        // The sign-in page is written by the server, which knows this one script of it by name.
        input: {
          index: join(root, 'src/portal/app/index.html'),
          'sign-in': join(root, 'src/portal/app/frame/sign-in/page.ts'),
        },
        onLog: (level, log, handle) => {
          if (!quiet.has(log.code ?? '')) handle(level, log)
        },
        output: {
          hashCharacters: 'hex',
          codeSplitting: { groups: firstScripts },
          entryFileNames: ({ name }) => (name === 'sign-in' ? 'assets/sign-in.js' : 'assets/[name]-[hash].js'),
          chunkFileNames: ({ name }) => `assets/${name.toLowerCase()}-[hash].js`,
          assetFileNames: 'assets/[name]-[hash][extname]',
        },
      },
    },
  })
  writeFileSync(stampFile, from)
}

/** Builds the portal unless it is there and fresh, and says so while it does. */
export async function ensurePortal(): Promise<void> {
  if (isPortalFresh()) return
  process.stderr.write('Building the portal, once after each change of its sources ...')
  const startedAt = performance.now()
  await buildPortal()
  process.stderr.write(` done in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s\n`)
}

function fingerprint(): string {
  const hash = createHash('sha256')
  for (const name of inputs.flatMap((pattern) => globSync(pattern, { cwd: root })).sort()) {
    const path = join(root, name)
    if (name.endsWith('.test.ts') || !/\.[a-z]+$/.test(name)) continue
    hash.update(`${name}\0`).update(readFileSync(path)).update('\0')
  }
  return hash.digest('hex')
}
