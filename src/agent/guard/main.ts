import { hostClock } from '../host/clock.ts'
import { runProgram } from '../host/run-program.ts'
import { FanotifyError, nameError, openKernel, problemCodes } from './fanotify.ts'
import { guardPrograms } from './serve.ts'

// The execution guard as a process of its own. `probe FILE` asks the kernel, by a mark on this one file, whether it could guard;
// `run STATE` guards what the restriction in the state directory says. What is wrong is told on standard error.

const [mode, path = ''] = process.argv.slice(2)
// Whoever started us may be gone.
process.stderr.on('error', () => {})
try {
  const kernel = await openKernel()
  if (mode === 'probe') {
    const fanotify = kernel.openFanotify()
    const code = fanotify.markFile(path)
    fanotify.close()
    if (code !== 0) throw new FanotifyError('kernel', `fanotify_mark: ${nameError(code)}`)
  } else {
    const stop = new AbortController()
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())
    const { pid } = process
    await guardPrograms({
      kernel,
      clock: hostClock,
      run: runProgram,
      pid,
      stateDirectory: path,
      signal: stop.signal,
    })
  }
} catch (error) {
  if (!(error instanceof FanotifyError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = problemCodes[error.problem]
}
