import type { Tree, Violation } from './tree.ts'

/** What turns with the direction of the language stands under these roofs. */
const turned = /^src\/(portal|api\/portal)\/.*\.(ts|tsx|css)$/

/** Utility classes that mean one side, behind any variants: `md:-ml-2`. Those for both sides at once (`mx`, `inset-x`) turn by themselves. */
const sideClass =
  /(?<=["'`\s])(?:[\w[\]()&_>*:.=-]+:)?!?-?(?:(?:scroll-)?[mp][lr]-[\w[(]|(?:left|right)-(?:\d|px|auto|full|\[|\()|(?:text|float|clear)-(?:left|right)(?!\w)|border-[lr](?![\w])|rounded-(?:[lr]|[tb][lr])(?!\w)|origin-(?:left|right)|-?translate-x-|bg-(?:gradient|linear)-to-[lr](?!\w))[^"'`\s]*/g

/** The same as styles in code, and in a style sheet. */
const sideStyle =
  /\b(?:(?:margin|padding|border)(?:Left|Right)\w*(?=\s*:)|(?:margin|padding|border)-(?:left|right)[\w-]*(?=\s*:)|(?<=style=\{\{[^}]*)(?:left|right)(?=:))|(?<=[{;]\s*|^\s*)(?:left|right)(?=:\s[^,]*;)|(?<=(?:text-align|float|clear):\s*)(?:left|right)\b/gm

/** Classes and styles of the portal that stay at their side when the page is turned for a language that is written from right to left. */
export function checkSides(tree: Tree): Violation[] {
  return [...tree.texts]
    .filter(([path]) => turned.test(path))
    .flatMap(([path, text]) =>
      text
        .split('\n')
        .flatMap((line, at) =>
          [...line.matchAll(sideClass), ...line.matchAll(sideStyle)].map(
            ([found]): Violation => ({ rule: 'side', path, detail: `line ${at + 1}: ${found}` }),
          ),
        ),
    )
}
