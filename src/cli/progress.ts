/** How far something is. */
export interface ProgressState {
  /** 0 to 1; null when the end is not known. */
  readonly share: number | null
  readonly alerts: number
}

/** Shows on standard error how far something is; on a terminal one line that is drawn again, elsewhere a line now and then. */
export interface Progress {
  show(state: ProgressState): void
  /** Ends the line. */
  finish(state: ProgressState): void
}

const barWidth = 24
const terminalPauseMs = 100
const plainPauseMs = 5_000

/** @param nowMs the time in milliseconds, for the rate */
export function openProgress(
  output: { write(text: string): unknown; readonly isTTY?: boolean },
  isQuiet: boolean,
  nowMs: () => number,
): Progress {
  if (isQuiet) return { show: () => undefined, finish: () => undefined }
  const startedMs = nowMs()
  let shownMs = startedMs
  const line = (state: ProgressState): string => {
    const seconds = Math.max(0.001, (nowMs() - startedMs) / 1000)
    const rate = Math.round(state.alerts / seconds).toLocaleString('en')
    return `${drawBar(state.share)}${state.alerts.toLocaleString('en')} alerts, ${rate}/s`
  }
  const isTerminal = output.isTTY === true
  return {
    show: (state) => {
      if (nowMs() - shownMs < (isTerminal ? terminalPauseMs : plainPauseMs)) return
      shownMs = nowMs()
      output.write(isTerminal ? `\r\u001b[K${line(state)}` : `${line(state)}\n`)
    },
    finish: (state) => {
      output.write(isTerminal ? `\r\u001b[K${line(state)}\n` : `${line(state)}\n`)
    },
  }
}

function drawBar(share: number | null): string {
  if (share === null) return ''
  const done = Math.round(Math.min(1, share) * barWidth)
  const percent = String(Math.floor(Math.min(1, share) * 100)).padStart(3)
  return `[${'#'.repeat(done)}${'.'.repeat(barWidth - done)}] ${percent} %  `
}
