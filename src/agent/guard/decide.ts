import type { PackageFiles } from './package-files.ts'

/** A program that is about to be started. */
export interface Executable {
  /** What the kernel calls it. */
  readonly path: string
  /** The path leads to this very file also where the guard stands: another mount namespace may call it anything. */
  readonly named: boolean
  /** `device:inode`. */
  readonly file: string
  /** Owned by root, and nobody else may write it. */
  readonly rootOnly: boolean
}

/** What may be started. */
export interface Trust {
  readonly packages: Pick<PackageFiles, 'digestsOf'>
  /** `device:inode` of what the host and the agent live on. */
  readonly vital: ReadonlySet<string>
  /** What owner and tenant allow: absolute paths, folders that end in `/`, and `sha256:` with 64 hexadecimal digits. */
  readonly allowed: readonly string[]
}

/** What a program's name says of it, before anybody has read it. */
export type Opinion =
  | { readonly kind: 'allow' }
  | { readonly kind: 'deny' }
  /** Allowed when its content has one of these digests. */
  | { readonly kind: 'read'; readonly md5: ReadonlySet<string>; readonly sha256: ReadonlySet<string> }

/** What a file's content is; null for a digest nobody asked for. */
export interface ContentDigests {
  readonly md5: string | null
  readonly sha256: string | null
}

/** Scripts that dpkg itself puts there and runs, before or beside what they belong to is installed. */
const maintainerScripts = /^\/var\/lib\/dpkg\/(info|tmp\.ci)\/[^/]+$/

/** Judges a program by name and place. @source design actions.md 8.5 */
export function judgePath(executable: Executable, { packages, vital, allowed }: Trust): Opinion {
  const { path, named, file, rootOnly } = executable
  if (vital.has(file)) return { kind: 'allow' }
  if (named && rootOnly && maintainerScripts.test(path)) return { kind: 'allow' }
  if (named && allowed.some((entry) => path === entry || (entry.endsWith('/') && path.startsWith(entry)))) {
    return { kind: 'allow' }
  }
  const md5 = packages.digestsOf(path)
  const sha256 = new Set(allowed.filter((entry) => entry.startsWith('sha256:')).map((entry) => entry.slice(7)))
  return md5.size + sha256.size === 0 ? { kind: 'deny' } : { kind: 'read', md5, sha256 }
}

/** Judges a program by its content. */
export function judgeContent(opinion: Extract<Opinion, { kind: 'read' }>, digests: ContentDigests): boolean {
  return (
    (digests.md5 !== null && opinion.md5.has(digests.md5)) ||
    (digests.sha256 !== null && opinion.sha256.has(digests.sha256))
  )
}
