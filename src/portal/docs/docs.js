import { make, makeLazy, makeTable } from './dom.js'
import { describeType, follow, showSchema } from './schema.js'

const methods = ['get', 'post', 'patch', 'put', 'delete']

/** Every operation with its place, in the order of the document. */
function listOperations(document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    methods
      .filter((method) => item[method] !== undefined)
      .map((method) => ({ path, method: method.toUpperCase(), ...item[method] })),
  )
}

function showOperation(document, operation) {
  const { path, method, operationId, summary } = operation
  const words = [
    make('span', { class: 'method' }, method),
    make('code', {}, path),
    ' ',
    make('span', { class: 'about' }, summary),
  ]
  return makeLazy({ id: operationId, class: 'operation' }, words, () => showInside(document, operation))
}

function showInside(document, operation) {
  const { description, parameters, requestBody, responses } = operation
  return [
    make('p', {}, description ?? 'Needs no permission.'),
    make('pre', {}, writeCurl(operation)),
    ...(parameters.length === 0 ? [] : [make('h3', {}, 'Parameters'), showParameters(parameters)]),
    ...(requestBody === undefined ? [] : [make('h3', {}, 'Request'), ...showContent(document, requestBody.content)]),
    make('h3', {}, 'Answers'),
    ...Object.entries(responses).map(([status, response]) => showResponse(document, status, response)),
  ]
}

/** The request as a line for a shell. */
function writeCurl({ path, method, security, requestBody }) {
  const words = ['curl', ...(method === 'GET' ? [] : ['--request', method])]
  if (security.length > 0) words.push('--header "Authorization: Bearer $TOKEN"')
  const [type] = Object.keys(requestBody?.content ?? {})
  if (type !== undefined) words.push(`--header 'Content-Type: ${type}' --data @body`)
  return [...words, `'${location.origin}${path}'`].join(' ')
}

function showParameters(parameters) {
  const rows = parameters.map(({ name, in: place, required, schema, description }) => [
    make('code', { class: required ? 'required' : undefined }, name),
    place,
    make('code', {}, describeType(schema)),
    [description ?? (schema.enum ?? []).join(', ')],
  ])
  return makeTable(['name', 'in', 'type', ''], rows)
}

function showContent(document, content) {
  return Object.entries(content).map(([type, { schema }]) =>
    makeLazy({}, [make('code', {}, type), ' ', make('span', { class: 'about' }, describeType(schema))], () =>
      showSchema(document, schema),
    ),
  )
}

function showResponse(document, status, response) {
  const { description, content } = follow(document, response)
  const line = [make('span', { class: 'method' }, status), description]
  return content === undefined
    ? make('p', {}, ...line)
    : make('div', {}, make('p', {}, ...line), ...showContent(document, content))
}

function showAll(document, operations) {
  const groups = Map.groupBy(operations, ({ tags: [tag] }) => tag)
  const main = [make('p', { class: 'muted' }, document.info.description)]
  const contents = []
  for (const [tag, members] of groups) {
    main.push(
      make('section', {}, make('h2', {}, tag), ...members.map((operation) => showOperation(document, operation))),
    )
    const links = members.map(({ operationId, summary }) => make('a', { href: `#${operationId}` }, summary))
    contents.push(make('section', {}, make('h2', {}, tag), ...links))
  }
  byId('main').replaceChildren(...main)
  byId('contents').replaceChildren(...contents)
}

/** Leaves what has every word of the text in its path, method, name, summary or permissions. */
function filterOperations(operations, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  for (const { path, method, operationId, summary, description = '' } of operations) {
    const all = `${method} ${path} ${operationId} ${summary} ${description}`.toLowerCase()
    const isHidden = !words.every((word) => all.includes(word))
    byId(operationId).hidden = isHidden
    document.querySelector(`nav a[href="#${operationId}"]`).hidden = isHidden
  }
  for (const section of document.querySelectorAll('section')) {
    section.hidden = [...section.querySelectorAll('.operation, a')].every((member) => member.hidden)
  }
}

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (named === null) return
  named.open = true
  named.scrollIntoView()
}

function byId(id) {
  return document.getElementById(id)
}

async function start() {
  const response = await fetch('/api/v1/openapi.json')
  if (!response.ok) throw new Error(`The server answered ${response.status}.`)
  const description = await response.json()
  const operations = listOperations(description)
  showAll(description, operations)
  byId('find').addEventListener('input', (event) => filterOperations(operations, event.target.value))
  addEventListener('hashchange', openNamed)
  openNamed()
}

start().catch((cause) => {
  byId('main').replaceChildren(
    make('p', { class: 'error', role: 'alert' }, cause instanceof Error ? cause.message : String(cause)),
  )
})
