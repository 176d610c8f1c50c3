import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { getHeapStatistics } from 'node:v8'

/** What a process holds once its garbage is gone, in bytes. */
export interface Memory {
  readonly heapUsed: number
  /** What Buffers hold, the whole of a piece of memory that one of them is a part of. */
  readonly buffers: number
  /**
   * Memory of its own less the pages of the heap that were written to. V8 takes up to 100 MB of pages when much is asked at once, however
   * little it keeps; those it has not written to yet are not in the memory of its own either.
   */
  readonly outsideHeap: number
}

/** A run is measured after each of so many equal parts. */
export const partsOfRun = 8

/** The parts of a run after which its caches are full; the rest is held against what they left. */
const earlyParts = [3, 4, 5]

/** Measures this process. What ended a moment ago may still hold what it read, so it waits a little first. */
export async function measureMemory(): Promise<Memory> {
  await sleep(50)
  for (let times = 0; times < 3; times++) globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return { heapUsed, buffers: arrayBuffers, outsideHeap: readOwnBytes() - getHeapStatistics().total_physical_size }
}

/** What no file stands behind: pages of programs the kernel takes and brings back as it likes, 50 MB at a time. @source proc_pid_status(5) */
function readOwnBytes(): number {
  const status = readFileSync('/proc/self/status', 'utf8')
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1])
  return (kilobytes('RssAnon') + kilobytes('VmSwap')) * 1_024
}

/** How much more the process held at the least late in a run than early in it: what goes away again is no leak. */
export function growthOf(samples: readonly Memory[], kind: keyof Memory): number {
  const lowest = (parts: readonly Memory[]): number => Math.min(...parts.map((sample) => sample[kind]))
  const early = samples.filter((_, at) => earlyParts.includes(at + 1))
  return lowest(samples.slice(Math.max(...earlyParts))) - lowest(early)
}

/** The measurements of one kind for people, in MB. */
export function formatMemory(samples: readonly Memory[], kind: keyof Memory): string {
  return `${samples.map((sample) => (sample[kind] / 1_048_576).toFixed(1)).join(', ')} MB`
}
