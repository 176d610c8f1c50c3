import type { TestContext } from 'node:test'

const cleanups = new WeakMap<TestContext, (() => unknown)[]>()

/**
 * Runs `cleanup` when the test ends, the latest first: what was built on something else goes before it. node:test runs its own hooks in
 * the order they were given.
 */
export function onEnd(t: TestContext, cleanup: () => unknown): void {
  const known = cleanups.get(t)
  if (known) {
    known.push(cleanup)
    return
  }
  const list = [cleanup]
  cleanups.set(t, list)
  t.after(async () => {
    for (let next = list.pop(); next; next = list.pop()) await next()
  })
}
