import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const css = readFileSync(new URL('../../src/portal/app/tokens.css', import.meta.url), 'utf8')

function readTheme(selector: string): ReadonlyMap<string, string> {
  const start = css.indexOf(`${selector} {`)
  const block = css.slice(start, css.indexOf('}', start))
  return new Map(
    [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name ?? '', value ?? '']),
  )
}

/** @source WCAG 2.2, relative luminance */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (light + 0.05) / (dark + 0.05)
}

const grounds = ['canvas', 'surface', 'sunken']
const tones = ['high', 'medium', 'low', 'quiet', 'done', 'failed']
const texts: readonly (readonly [text: string, ground: string])[] = [
  ...['text', 'text-2', 'text-3', 'accent', 'danger'].flatMap((text) =>
    grounds.map((ground) => [text, ground] as const),
  ),
  ...tones.map((tone) => [`${tone}-text`, `${tone}-badge`] as const),
  ['on-accent', 'accent'],
  ['on-danger', 'danger'],
]
const marks: readonly (readonly [mark: string, ground: string])[] = [
  ...['control-border', 'focus-ring'].flatMap((mark) => grounds.map((ground) => [mark, ground] as const)),
  ...[0, 1, 2, 3, 4, 5, 6].map((at) => [`tenant-${at}`, 'quiet-badge'] as const),
  ...tones.flatMap((tone) => ['canvas', 'surface'].map((ground) => [`${tone}-mark`, ground] as const)),
]

for (const [name, selector] of [
  ['light', ':root'],
  ['dark', ':root[data-theme="dark"]'],
] as const) {
  test(`every text of the ${name} theme stands out by 4.5:1, every mark and control by 3:1`, () => {
    const theme = readTheme(selector)
    const low = (pairs: typeof texts, least: number): string[] =>
      pairs.flatMap(([front, back]) => {
        const ratio = contrast(theme.get(front) ?? '', theme.get(back) ?? '')
        return ratio >= least ? [] : [`${front} on ${back}: ${ratio.toFixed(2)}`]
      })

    assert.ok(theme.size > 25)
    assert.deepEqual([...low(texts, 4.5), ...low(marks, 3)], [])
  })
}
