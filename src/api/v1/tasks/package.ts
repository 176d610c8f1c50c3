import { type FetchPackageDeps, fetchPackage } from '../../../respond/engine/fetch-package.ts'
import type { AuthorizedHandler } from '../../route.ts'

/** GET /api/v1/tasks/{id}/package: the archive a task has collected from its host. Made by a host that may be hostile: never opened here. */
export function downloadTaskPackage(deps: FetchPackageDeps): AuthorizedHandler {
  return async (call) => {
    const { executionId, path, size, sha256 } = await fetchPackage(deps, call.caller, call.params.id ?? '')
    return {
      status: 200,
      file: { path, size },
      contentType: 'application/zip',
      headers: {
        'Content-Disposition': `attachment; filename="package-${executionId}.zip"`,
        'X-Content-Type-Options': 'nosniff',
        'Cache-Control': 'no-store',
        'X-Content-SHA256': sha256.slice('sha256:'.length),
      },
    }
  }
}
