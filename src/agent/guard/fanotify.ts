import { closeSync, readSync, writeSync } from 'node:fs'
import { constants } from 'node:os'

/** A program that is about to be started; the kernel waits for the answer. */
export interface ExecEvent {
  /** Descriptor of the file; whoever took the event closes it. */
  readonly fd: number
  /** Process that starts it. */
  readonly pid: number
}

/** An open group of fanotify marks. @source fanotify(7) */
export interface Fanotify {
  /** Watches every start of a program from the file system that holds the path. @returns 0, or the error number */
  readonly markFileSystem: (path: string) => number
  /** Watches one file. @returns 0, or the error number */
  readonly markFile: (path: string) => number
  /** Waits until something is to be read, at most so long. */
  readonly wait: (timeoutMs: number) => Promise<void>
  readonly read: () => readonly ExecEvent[]
  readonly answer: (event: ExecEvent, allow: boolean) => void
  /** Lets every start that waits for an answer through, and ends all marks. */
  readonly close: () => void
}

/** Why the start of programs cannot be watched: the binding, the rights of this process, the kernel, or what was to be marked. */
export type FanotifyProblem = 'binding' | 'rights' | 'kernel' | 'marks'

/** Exit codes of the guard's process for each {@link FanotifyProblem}. */
export const problemCodes: Readonly<Record<FanotifyProblem, number>> = { binding: 3, rights: 4, kernel: 5, marks: 6 }

/** The start of programs cannot be watched. */
export class FanotifyError extends Error {
  readonly problem: FanotifyProblem

  constructor(problem: FanotifyProblem, message: string) {
    super(message)
    this.name = 'FanotifyError'
    this.problem = problem
  }
}

/** Kernel constants of linux/fanotify.h. */
const FAN_CLOEXEC = 0x1
const FAN_NONBLOCK = 0x2
const FAN_CLASS_CONTENT = 0x4
const FAN_UNLIMITED_QUEUE = 0x10
const FAN_MARK_ADD = 0x1
const FAN_MARK_FILESYSTEM = 0x100
const FAN_OPEN_EXEC_PERM = 0x40000
const FAN_ALLOW = 1
const FAN_DENY = 2
const AT_FDCWD = -100
const EVENT_BYTES = 24
const POLLIN = 1
/** Kernel constants of asm-generic/siginfo.h and linux/time.h. */
const SIGEV_SIGNAL = 0
const CLOCK_MONOTONIC = 1
/** Together with read-only, which is 0. */
const O_CLOEXEC = 0o2000000

/** Calls into the C library that Node has not. */
interface Libc {
  readonly init: (flags: number, eventFlags: number) => number
  readonly mark: (fd: number, flags: number, mask: number, directory: number, path: string) => number
  readonly poll: (pollfd: Buffer, count: number, timeoutMs: number) => Promise<void>
  readonly createTimer: (clock: number, event: Buffer, timer: Buffer) => number
  readonly setTimer: (timer: bigint, flags: number, time: Buffer, before: null) => number
}

/** What the guard needs of the kernel. */
export interface Kernel {
  readonly openFanotify: () => Fanotify
  /**
   * Has the kernel kill this process unless it is called again in time, also one that is stopped or hangs in a call; 0 ends the watch. What
   * waits for an answer is then let through.
   * @source timer_create(2): SIGKILL is the one signal a stopped process obeys
   */
  readonly setDeadline: (seconds: number) => void
}

/**
 * Loads the binding; nothing but the guard does, because a fault in it ends the process.
 * @throws FanotifyError when koffi is not installed or does not load here
 */
export async function openKernel(): Promise<Kernel> {
  const libc = await loadLibc()
  return { openFanotify: () => openGroup(libc), setDeadline: openDeadline(libc) }
}

async function loadLibc(): Promise<Libc> {
  const koffi = await import('koffi').catch((cause: unknown) => {
    const why = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : 'unknown error'
    throw new FanotifyError('binding', `koffi cannot be loaded: ${why.slice(0, 200)}`)
  })
  const library = koffi.load('libc.so.6')
  const call = (prototype: string): ((...words: readonly unknown[]) => number) => {
    const native = library.func(prototype)
    return (...words) => {
      const result: unknown = native(...words)
      // The negated error number, as system calls themselves return it.
      return typeof result === 'number' && result >= 0 ? result : -koffi.errno()
    }
  }
  const poll = library.func('int poll(_Inout_ uint8_t *fds, unsigned long count, int timeout)')
  return {
    init: call('int fanotify_init(unsigned int flags, unsigned int event_f_flags)'),
    mark: call('int fanotify_mark(int fd, unsigned int flags, uint64_t mask, int dirfd, const char *path)'),
    poll: (pollfd, count, timeoutMs) => new Promise((resolve) => poll.async(pollfd, count, timeoutMs, () => resolve())),
    createTimer: call('int timer_create(int clock, uint8_t *event, _Out_ uint8_t *timer)'),
    setTimer: call('int timer_settime(uint64_t timer, int flags, uint8_t *time, void *before)'),
  }
}

/** @throws FanotifyError when the kernel gives no timer */
function openDeadline(libc: Libc): Kernel['setDeadline'] {
  const event = Buffer.alloc(64)
  event.writeInt32LE(constants.signals.SIGKILL, 8)
  event.writeInt32LE(SIGEV_SIGNAL, 12)
  const timer = Buffer.alloc(8)
  const code = libc.createTimer(CLOCK_MONOTONIC, event, timer)
  if (code !== 0) throw new FanotifyError('kernel', `timer_create: ${nameError(-code)}`)
  return (seconds) => {
    const time = Buffer.alloc(32)
    time.writeBigInt64LE(BigInt(seconds), 16)
    const set = libc.setTimer(timer.readBigUInt64LE(), 0, time, null)
    if (set !== 0) throw new FanotifyError('kernel', `timer_settime: ${nameError(-set)}`)
  }
}

function openGroup(libc: Libc): Fanotify {
  const group = libc.init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE, O_CLOEXEC)
  if (group < 0) {
    const problem = -group === constants.errno.EPERM ? 'rights' : 'kernel'
    throw new FanotifyError(problem, `fanotify_init: ${nameError(-group)}`)
  }
  const buffer = Buffer.alloc(4096)
  const pollfd = Buffer.alloc(8)
  pollfd.writeInt32LE(group, 0)
  pollfd.writeInt16LE(POLLIN, 4)
  let open = true
  return {
    markFileSystem: (path) => -libc.mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_EXEC_PERM, AT_FDCWD, path),
    markFile: (path) => -libc.mark(group, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, path),
    wait: (timeoutMs) => libc.poll(pollfd, 1, timeoutMs),
    read: () => (open ? readEvents(group, buffer) : []),
    answer: ({ fd }, allow) => {
      if (open) writeAnswer(group, fd, allow)
    },
    close: () => {
      open = false
      closeSync(group)
    },
  }
}

function readEvents(group: number, buffer: Buffer): readonly ExecEvent[] {
  const length = readOrNone(group, buffer)
  const events: ExecEvent[] = []
  for (let at = 0; at + EVENT_BYTES <= length; at += buffer.readUInt32LE(at)) {
    const event = { fd: buffer.readInt32LE(at + 16), pid: buffer.readInt32LE(at + 20) }
    if (event.fd >= 0) events.push(event)
  }
  return events
}

function readOrNone(group: number, buffer: Buffer): number {
  try {
    return readSync(group, buffer)
  } catch (error) {
    if (hasCode(error, 'EAGAIN')) return 0
    throw error
  }
}

function writeAnswer(group: number, fd: number, allow: boolean): void {
  const answer = Buffer.alloc(8)
  answer.writeInt32LE(fd, 0)
  answer.writeUInt32LE(allow ? FAN_ALLOW : FAN_DENY, 4)
  try {
    writeSync(group, answer)
  } catch (error) {
    // Whoever waited was killed meanwhile.
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

/** The name of an error number, e.g. `EINVAL`. */
export function nameError(number: number): string {
  const known = Object.entries(constants.errno).find(([, value]) => value === number)
  return known?.[0] ?? `error ${number}`
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
