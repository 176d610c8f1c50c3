import type { Dice } from './dice.ts'
import { hardTexts } from './filters.ts'
import { type FuzzInput, tidyInput, toBytes } from './input.ts'

const words = [
  "'",
  "''",
  '(',
  ')',
  ',',
  ';',
  '&',
  '=',
  '$',
  '%',
  '%00',
  '%27',
  '%c0%af',
  '%ff',
  '%ed%a0%80',
  '%F0%9F%98%80',
  ' and ',
  ' or ',
  ' not ',
  ' eq ',
  ' in (',
  '/any(t:',
  '/$count',
  'null',
  '{',
  '}',
  '[',
  ']',
  '"',
  ':',
  '\\u0000',
  '1e999',
  '\\',
  '..',
  '//',
  '?',
  '#',
  '*',
  '@',
  '~',
  '|',
  '2026-01-01T00:00:00Z',
  '+00:00',
] as const

/** An input with something wrong in it, perhaps made of two. */
export function mutateInput(dice: Dice, input: FuzzInput, other: FuzzInput): FuzzInput {
  let { target, body } = input
  const times = 1 + dice.below(3)
  for (let at = 0; at < times; at++) {
    if (body !== null && dice.chance(0.5)) body = mutateText(dice, body, other.body ?? other.target)
    else target = mutateTarget(dice, target, other.target)
  }
  const headers = input.headers.map(([name, value]): [string, string] =>
    dice.chance(0.05) ? [name, mutateText(dice, value, value)] : [name, value],
  )
  return tidyInput({ ...input, target: target.slice(0, 15_000), headers, body: body?.slice(0, 200_000) ?? null })
}

/** Mostly the query: most wrong paths are nowhere, and one nowhere is like the other. */
function mutateTarget(dice: Dice, target: string, other: string): string {
  const cut = target.indexOf('?') + 1
  const query = other.slice(other.indexOf('?') + 1)
  if (dice.chance(0.08)) return `/${mutateText(dice, target.slice(1), other)}`
  if (cut === 0) return `${target}?${mutateText(dice, query, query)}`
  return target.slice(0, cut) + mutateText(dice, target.slice(cut), query)
}

/** A text changed in one place: flipped, cut, doubled, spliced, blown up. */
export function mutateText(dice: Dice, text: string, other: string): string {
  const from = dice.below(text.length + 1)
  const to = Math.min(text.length, from + dice.below(1 + dice.pick([1, 4, 16, 200])))
  const [head, middle, tail] = [text.slice(0, from), text.slice(from, to), text.slice(to)]
  return dice.choose([
    [3, () => head + flip(dice, text.charAt(from)) + text.slice(from + 1)],
    [3, () => head + dice.pick(words) + text.slice(from)],
    [2, () => head + tail],
    [2, () => head + middle + middle + tail],
    [2, () => head + other.slice(dice.below(other.length + 1)).slice(0, 300)],
    [1, () => head],
    [1, () => head + encodeURIComponent(dice.pick(hardTexts)) + tail],
    [1, () => head + toBytes(dice.pick(hardTexts)) + tail],
    [
      0.3,
      () =>
        head + (middle || dice.pick(words)).repeat(2 + dice.below(dice.pick([8, 100, 1000]))).slice(0, 9_000) + tail,
    ],
    [
      0.5,
      () =>
        text.replaceAll(/\d+/g, (digits) =>
          dice.chance(0.3) ? dice.pick(['0', '-1', '9'.repeat(20), '2147483648']) : digits,
        ),
    ],
    [0.5, () => text.replaceAll('%20', dice.pick(['+', '%09', '%20%20', '%a0', '']))],
  ])
}

function flip(dice: Dice, char: string): string {
  return String.fromCharCode((char === '' ? 65 : char.charCodeAt(0)) ^ (1 << dice.below(8)))
}
