import { ensurePortal } from './build.ts'

// `npm start` and `npm run build`: the portal as its sources are now.
await ensurePortal()
