import { fileURLToPath } from 'node:url'
import { listPortalFiles, servePortalFile } from '../../portal/files.ts'
import { open, type Route } from '../../route.ts'

const folder = fileURLToPath(new URL('../../../portal/docs/', import.meta.url))
const page = 'index.html'

/**
 * `/api/v1/docs`: the OpenAPI description for people. A page of our own with files of our own, because it shall work offline and under the
 * portal's content security policy: no script or style in the markup, no other origin, no text made markup.
 */
export function docsRoutes(): Route[] {
  const files = listPortalFiles(folder).filter((name) => name !== page)
  return [
    open('GET', '/api/v1/docs', 'public', 'none', servePortalFile(page, folder)),
    ...files.map((name) => open('GET', `/api/v1/docs/${name}`, 'public', 'none', servePortalFile(name, folder))),
  ]
}
