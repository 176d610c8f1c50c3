import type { FuzzInput } from './input.ts'

/** As much work as a person would wait for. */
const maxTries = 600

/** The smallest input found that still fails: headers left out, then pieces of target and body, larger ones first. */
export async function shrinkInput(
  input: FuzzInput,
  fails: (candidate: FuzzInput) => Promise<boolean>,
): Promise<FuzzInput> {
  let tries = 0
  const test = async (candidate: FuzzInput): Promise<boolean> => ++tries <= maxTries && (await fails(candidate))
  let best = input
  for (let at = best.headers.length - 1; at >= 0; at--) {
    const candidate = { ...best, headers: best.headers.toSpliced(at, 1) }
    if (await test(candidate)) best = candidate
  }
  const target = await shrinkText(best.target, (text) => test({ ...best, target: text }))
  best = { ...best, target }
  if (best.body === null) return best
  if (await test({ ...best, body: null })) return { ...best, body: null }
  const body = await shrinkText(best.body, (text) => test({ ...best, body: text }))
  return { ...best, body }
}

async function shrinkText(text: string, fails: (candidate: string) => Promise<boolean>): Promise<string> {
  let best = text
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < best.length; ) {
      const candidate = best.slice(0, from) + best.slice(from + size)
      if (await fails(candidate)) best = candidate
      else from += size
    }
  }
  return best
}
