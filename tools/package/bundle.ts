import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '../..')

// Commander is CommonJS and asks for built-in modules by `require`.
const banner = `import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)`

/** Makes one file of the agent: `node <file> agent ...`. */
export function bundleAgent(file: string): Promise<void> {
  return bundle('src/cli/agent-main.ts', file)
}

/**
 * Makes one file of the execution guard; the agent finds it as `guard.mjs` beside its own file. Its native binding stays outside and is
 * looked for in `node_modules` there.
 */
export function bundleGuard(file: string): Promise<void> {
  return bundle('src/agent/guard/main.ts', file)
}

async function bundle(entry: string, file: string): Promise<void> {
  await build({
    entryPoints: [join(root, entry)],
    outfile: file,
    external: ['koffi'],
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    charset: 'utf8',
    legalComments: 'inline',
    banner: { js: banner },
    logLevel: 'warning',
  })
}
