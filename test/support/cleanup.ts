import { after } from 'node:test'

/** Something that ends: a test, or the whole file. */
export interface Ending {
  after(end: () => unknown): void
}

const cleanups = new WeakMap<Ending, (() => unknown)[]>()

/**
 * Runs `cleanup` when the test ends, the latest first: what was built on something else goes before it. node:test runs its own hooks in
 * the order they were given.
 */
export function onEnd(t: Ending, cleanup: () => unknown): void {
  const known = cleanups.get(t)
  if (known) {
    known.push(cleanup)
    return
  }
  const list = [cleanup]
  cleanups.set(t, list)
  t.after(() => runAll(list))
}

async function runAll(list: (() => unknown)[]): Promise<void> {
  for (let next = list.pop(); next; next = list.pop()) await next()
}

/** The end of all tests of the file, for what several of them share. */
export const wholeFile: Ending = { after: () => {} }

// Registered while the file loads: inside a test it would belong to that test and end with it.
const ofFile: (() => unknown)[] = []
cleanups.set(wholeFile, ofFile)
after(() => runAll(ofFile))
