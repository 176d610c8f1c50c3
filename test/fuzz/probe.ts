import { measureMemory } from './memory.ts'

// Loaded into the server process beside its own code: tells the test what the process holds once its garbage is gone.

process.on('message', () => void measureMemory().then((memory) => process.send?.(memory)))

// Nobody is left to stop the server.
process.on('disconnect', () => process.exit(0))
