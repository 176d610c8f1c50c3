/**
 * The seed of what a test plays by chance. `npm test` plays the same every time, so that a commit which passed passes again and a failure belongs
 * to the change that made it; `CORDON_TEST_SEED=random` plays what nobody has seen yet, and `CORDON_TEST_SEED=123` repeats what it printed.
 */
export const testSeed: number = readSeed(process.env.CORDON_TEST_SEED)

function readSeed(text: string | undefined): number {
  if (text === undefined) return 20261122
  const seed = text === 'random' ? Math.floor(Math.random() * 1_000_000_000) : Number(text)
  if (!Number.isSafeInteger(seed))
    throw new TypeError(`CORDON_TEST_SEED takes a whole number or 'random', not '${text}'`)
  // A test in a process of its own, begun by this one, plays the same.
  process.env.CORDON_TEST_SEED = String(seed)
  return seed
}
