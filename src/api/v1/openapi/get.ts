import { readFileSync } from 'node:fs'
import { open, type Route } from '../../route.ts'
import { docsRoutes } from '../docs/routes.ts'
import { describeOperations, type OperationRow } from './document.ts'

/**
 * GET /api/v1/openapi.json: the OpenAPI 3.1 description of what this server serves, itself included, made when it is first asked for; and
 * the pages that show it.
 * @param routes every other route of the server
 */
export function openApiRoutes(routes: readonly Route[]): Route[] {
  let text: string | undefined
  const route: Route = open('GET', '/api/v1/openapi.json', 'public', 'none', async () => {
    text ??= JSON.stringify(describeOperations(readRows(), [...routes, route]))
    return { status: 200, body: text, contentType: 'application/json;charset=utf-8' }
  })
  return [route, ...docsRoutes()]
}

/** The rows of our own specification, which is shipped with the program. */
function readRows(): OperationRow[] {
  return JSON.parse(readFileSync(new URL('../../../../spec/behaviour.json', import.meta.url), 'utf8'))
}
