import type { Import } from './imports.ts'
import { resolveImport, type Source, type Tree, type Violation } from './tree.ts'

/** What the files of a folder of src may import of ours, beside their own folder. */
interface Wall {
  readonly ours: readonly string[]
  /** Which modules that are not ours; all without. */
  readonly others?: 'none' | 'node' | 'packages'
  /** A package that may be imported although `others` says no. */
  readonly alone?: string
}

/** From the most specific path to the least. @source design house 2.3 */
const walls: readonly (readonly [prefix: RegExp, wall: Wall])[] = [
  [/^src\/model\//, { ours: [], others: 'none' }],
  [/^src\/(io|protocol)\//, { ours: ['src/model/'] }],
  [/^src\/store\//, { ours: ['src/model/', 'src/io/'] }],
  [/^src\/(jobs|access|audit)\//, { ours: ['src/store/', 'src/model/', 'src/io/'] }],
  [/^src\/agents\//, { ours: ['src/protocol/', 'src/store/', 'src/jobs/', 'src/model/', 'src/io/'] }],
  [/^src\/connectors\/connector\.ts$/, { ours: ['src/model/', 'src/io/'] }],
  [
    /^src\/connectors\/(settings|rotation)\.ts$/,
    { ours: ['src/connectors/connector.ts', 'src/store/', 'src/model/', 'src/io/'] },
  ],
  [/^src\/connectors\/kinds\.ts$/, { ours: ['src/connectors/', 'src/io/'] }],
  [/^src\/connectors\/registry\.ts$/, { ours: ['src/connectors/', 'src/model/'] }],
  [
    /^src\/connectors\/endpoint\/cordon-agent\//,
    { ours: ['src/connectors/connector.ts', 'src/agents/', 'src/protocol/', 'src/model/', 'src/io/'] },
  ],
  [/^src\/connectors\/[^/]+\/[^/]+\//, { ours: ['src/connectors/connector.ts', 'src/model/', 'src/io/'] }],
  [/^src\/intake\//, { ours: ['src/store/', 'src/jobs/', 'src/model/', 'src/io/'] }],
  [/^src\/notify\//, { ours: ['src/connectors/connector.ts', 'src/store/', 'src/jobs/', 'src/model/', 'src/io/'] }],
  [
    /^src\/respond\//,
    {
      ours: [
        'src/connectors/connector.ts',
        'src/connectors/registry.ts',
        'src/store/',
        'src/jobs/',
        'src/model/',
        'src/io/',
      ],
    },
  ],
  [
    /^src\/api\//,
    {
      ours: [
        ...['access', 'intake', 'respond', 'notify', 'agents', 'store', 'protocol', 'model', 'io'].map(
          (folder) => `src/${folder}/`,
        ),
        'src/connectors/connector.ts',
        'src/connectors/settings.ts',
        // What the server writes into a page before its scripts run is said in the page's own words.
        'src/portal/shown/',
      ],
    },
  ],
  // The one native binding: only the guard's own process loads it.
  [/^src\/agent\/guard\/fanotify\.ts$/, { ours: ['src/protocol/', 'src/model/'], others: 'node', alone: 'koffi' }],
  [/^src\/agent\//, { ours: ['src/protocol/', 'src/model/'], others: 'node' }],
  [/^src\/portal\/app\//, { ours: ['src/model/'], others: 'packages' }],
  [/^src\/portal\//, { ours: ['src/model/'], others: 'none' }],
  [/^src\/(main\.ts$|cli\/)/, { ours: ['src/'] }],
  [/^(test|bench|tools)\//, { ours: ['src/', 'test/', 'bench/', 'tools/'] }],
]

/** The folder a file may import from freely: its own, which for a connector is its own alone. */
function ownFolder(path: string): string {
  return /^src\/connectors\/[^/]+\/[^/]+\//.exec(path)?.[0] ?? /^src\/[^/]+\//.exec(path)?.[0] ?? path
}

/** Imports across a wall, of both kinds: a type that leans on another folder binds as much as a value. */
export function checkWalls(tree: Tree): Violation[] {
  const found: Violation[] = []
  for (const source of tree.sources.values()) {
    const wall = walls.find(([prefix]) => prefix.test(source.path))?.[1]
    if (wall === undefined) {
      found.push({ rule: 'import', path: source.path, detail: 'stands in a folder the import rules do not know' })
      continue
    }
    for (const imported of source.imports) found.push(...checkImport(tree, source, wall, imported))
  }
  return found
}

function checkImport(tree: Tree, source: Source, wall: Wall, imported: Import): Violation[] {
  const { path } = source
  const target = resolveImport(path, imported.specifier)
  const at = `line ${imported.line}: ${imported.specifier}`
  if (target === null) {
    return mayImportPackage(wall, imported.specifier)
      ? []
      : [{ rule: 'package', path, detail: `${at} is not allowed here` }]
  }
  if (!tree.paths.includes(target)) {
    return isOutside(target)
      ? []
      : [{ rule: 'import', path, detail: `${at} is no file; imports name it with its extension` }]
  }
  if (!target.startsWith(ownFolder(path)) && !wall.ours.some((prefix) => target.startsWith(prefix))) {
    return [{ rule: 'import', path, detail: `${at}: ${ownFolder(path)} may not import ${target}` }]
  }
  if (
    path === 'src/connectors/registry.ts' &&
    !/^src\/(connectors\/connector\.ts|connectors\/.+\/index\.ts|model\/.+)$/.test(target)
  ) {
    return [{ rule: 'import', path, detail: `${at}: the registry knows each connector by its index.ts only` }]
  }
  const writes =
    path.startsWith('src/api/') && target.startsWith('src/store/') ? imported.names.filter(writesStore) : []
  return writes.map((name) => ({ rule: 'read-only-store', path, detail: `${at}: api may not call ${name}` }))
}

function mayImportPackage(wall: Wall, specifier: string): boolean {
  if (wall.others === undefined || wall.alone === specifier) return true
  if (wall.others === 'none') return false
  return specifier.startsWith('node:') === (wall.others === 'node')
}

/** Files of the repository that are not part of the tree under check, as package.json. */
function isOutside(target: string): boolean {
  return !/^(src|test|bench|tools)\//.test(target)
}

/** Names of store functions that do more than read. */
function writesStore(name: string): boolean {
  return !/^(read|find|list|page|count|has|is|[A-Z])/.test(name)
}
