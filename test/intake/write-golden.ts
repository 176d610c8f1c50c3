// Writes what the sources make of the golden inputs today: node test/intake/write-golden.ts. Read the difference before keeping it.
import { writeFileSync } from 'node:fs'
import { sources } from '../../src/intake/sources/list.ts'
import { goldenInputs, goldenOutput, readGolden } from './golden.ts'

for (const source of Object.values(sources)) {
  for (const input of goldenInputs(source.name)) {
    writeFileSync(goldenOutput(input), `${JSON.stringify(readGolden(source, input), null, 2)}\n`)
  }
}
