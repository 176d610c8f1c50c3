import fc from 'fast-check'
import { testSeed } from './seed.ts'

// The library plays another seed on every run unless it is told one: a commit that passed would fail by chance.
fc.configureGlobal({ seed: testSeed })

/** The library of properties, which plays the run's seed. */
export { fc }
