import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '../..')

// Commander is CommonJS and asks for built-in modules by `require`.
const banner = `import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)`

/** Makes one file of the agent: `node <file> agent ...`. */
export async function bundleAgent(file: string): Promise<void> {
  await build({
    entryPoints: [join(root, 'src/cli/agent-main.ts')],
    outfile: file,
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
