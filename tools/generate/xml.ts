/** One element of the document: names keep their prefix, text between elements is not allowed and so not kept. */
export interface XmlElement {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** Line of the start tag, from 1. */
  readonly line: number
}

/** Says at which line the document leaves the subset this reader knows. */
export class XmlError extends Error {
  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`)
    this.name = 'XmlError'
  }
}

interface OpenElement {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: XmlElement[]
  readonly line: number
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const comment = /<!--[\s\S]*?-->/y
const endTag = /<\/(?<name>[\w:.]+)\s*>/y
const startTag = /<(?<name>[\w:.]+)(?<attributes>(?:\s+[\w:.]+="[^"<]*")*)\s*(?<empty>\/?)>/y
const space = /\s+/y
const attribute = /(?<name>[\w:.]+)="(?<value>[^"]*)"/g
const prolog = /^<\?xml version="1\.0" encoding="utf-8"\?>\s*/

function countLines(text: string): number {
  return text.split('\n').length - 1
}

function readText(raw: string, line: number): string {
  return raw.replace(/&([^;]*);?/g, (_reference, name: string) => {
    const character = entities[name]
    if (character === undefined) throw new XmlError(line, `unknown entity &${name};`)
    return character
  })
}

function readAttributes(raw: string, line: number): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const match of raw.matchAll(attribute)) {
    const { name = '', value = '' } = match.groups ?? {}
    if (found.has(name)) throw new XmlError(line, `attribute ${name} twice`)
    found.set(name, readText(value, line))
  }
  return found
}

/**
 * Reads the XML that a CSDL document needs: one root, elements, attributes in double quotes, comments, the five named entities.
 * Anything else (text, CDATA, processing instructions, DOCTYPE) is refused rather than skipped.
 * @throws XmlError with the line
 */
export function readXml(document: string): XmlElement {
  const declaration = prolog.exec(document)?.[0]
  if (declaration === undefined) throw new XmlError(1, 'the document starts with an XML declaration in utf-8')

  const top: OpenElement = { name: '', attributes: new Map(), children: [], line: 0 }
  const open: OpenElement[] = [top]
  let position = declaration.length
  let line = 1 + countLines(declaration)
  while (position < document.length) {
    const read = readAt(space, document, position) ?? readMarkup(document, position, open, line)
    position += read.length
    line += countLines(read)
  }

  const [root, ...others] = top.children
  if (open.length > 1) throw new XmlError(line, `${open.at(-1)?.name} is not closed`)
  if (root === undefined || others.length > 0) throw new XmlError(line, 'the document has exactly one root')
  return root
}

function matchAt(pattern: RegExp, document: string, position: number): RegExpExecArray | null {
  pattern.lastIndex = position
  return pattern.exec(document)
}

function readAt(pattern: RegExp, document: string, position: number): string | null {
  return matchAt(pattern, document, position)?.[0] ?? null
}

function readMarkup(document: string, position: number, open: OpenElement[], line: number): string {
  const skipped = readAt(comment, document, position)
  if (skipped !== null) return skipped

  const parent = open.at(-1)
  const end = matchAt(endTag, document, position)
  if (end !== null) {
    const name = end.groups?.name ?? ''
    if (open.length === 1 || parent?.name !== name)
      throw new XmlError(line, `${name} closes ${parent?.name || 'nothing'}`)
    open.pop()
    return end[0]
  }

  const start = matchAt(startTag, document, position)
  if (start === null) throw new XmlError(line, `unexpected text: ${document.slice(position, position + 40)}`)
  const { name = '', attributes = '', empty = '' } = start.groups ?? {}
  const element: OpenElement = { name, attributes: readAttributes(attributes, line), children: [], line }
  parent?.children.push(element)
  if (empty === '') open.push(element)
  return start[0]
}

/** Writes `element` and what is below it, two spaces per level. */
export function writeXml(element: XmlElement, indent = ''): string {
  const attributes = [...element.attributes].map(([name, value]) => ` ${name}="${escapeXml(value)}"`).join('')
  if (element.children.length === 0) return `${indent}<${element.name}${attributes}/>\n`
  const children = element.children.map((child) => writeXml(child, `${indent}  `)).join('')
  return `${indent}<${element.name}${attributes}>\n${children}${indent}</${element.name}>\n`
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}
