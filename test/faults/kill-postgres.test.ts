import { killTest } from './kill.ts'

killTest('postgres')
