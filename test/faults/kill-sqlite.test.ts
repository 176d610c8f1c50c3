import { killTest } from './kill.ts'

killTest('sqlite')
