import { hash } from 'node:crypto'

/**
 * A Merkle tree that only grows, kept as the roots of its whole subtrees, largest first: enough to append to and to tell the root, about
 * 30 hashes for a thousand million leaves.
 * @source RFC 6962 section 2.1; RFC 9162 section 2.1
 */
export interface Tree {
  readonly size: number
  readonly roots: readonly Buffer[]
}

/** The tree without leaves. */
export const emptyTree: Tree = { size: 0, roots: [] }

/** A tree under construction. */
export interface GrowingTree {
  readonly size: number
  /** @param leaf its hash, 32 bytes */
  push(leaf: Buffer): void
  root(): Buffer
  /** The tree as it stands, to go on from later. */
  snapshot(): Tree
}

/** Goes on from a tree. */
export function growTree(from: Tree = emptyTree): GrowingTree {
  const roots = [...from.roots]
  let size = from.size
  return {
    get size() {
      return size
    },
    push: (leaf) => {
      let node = leaf
      // Each whole subtree that the leaf completes takes in the one beside it.
      for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
        const left = roots.pop()
        if (left === undefined) throw new TypeError('a tree has as many roots as its size has ones')
        node = hashNode(left, node)
      }
      roots.push(node)
      size += 1
    },
    root: () => rootOf(roots),
    snapshot: () => ({ size, roots: [...roots] }),
  }
}

function rootOf(roots: readonly Buffer[]): Buffer {
  let root = roots.at(-1)
  if (root === undefined) return hash('sha256', '', 'buffer')
  for (let at = roots.length - 2; at >= 0; at--) {
    const left = roots[at]
    if (left) root = hashNode(left, root)
  }
  return root
}

function hashNode(left: Buffer, right: Buffer): Buffer {
  return hash('sha256', Buffer.concat([Buffer.of(1), left, right]), 'buffer')
}

/** True when as many subtrees are there as a tree of that size has. */
export function isTree({ size, roots }: Tree): boolean {
  let ones = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2
  return Number.isSafeInteger(size) && size >= 0 && roots.length === ones && roots.every((root) => root.length === 32)
}
