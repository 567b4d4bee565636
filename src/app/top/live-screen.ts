import { readKeys } from './keys.ts'
import { ansiPaint, plainPaint } from './paint.ts'
import type { Screen } from './render.ts'
import type { TopKey } from './state.ts'

/** Minimum interval between redraws; milliseconds. */
const drawMs = 100
const alternateScreen = '\u001b[?1049h\u001b[?25l'
const usualScreen = '\u001b[?25h\u001b[?1049l'

/** The parts of a terminal that a command uses. */
export interface Terminal {
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WriteStream
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface LiveScreen {
  render(screen: Screen): readonly string[]
  /** A key other than that which quits. */
  press(key: TopKey): void
  /** Follows what is shown until the signal aborts. @param redraw call it after each change */
  watch(redraw: () => void, signal: AbortSignal): Promise<void>
}

/** Whether the command can draw, rather than print once. */
export function isLive({ input, output }: Terminal): boolean {
  return output.isTTY === true && input.isTTY === true
}

/** Prints a screen once, without colors and without its last line, which describes the keys. */
export function printed(
  render: LiveScreen['render'],
  { output, env }: Pick<Terminal, 'output' | 'env'>,
  rows: number,
): string {
  const columns = output.columns ?? (Number(env.COLUMNS) || 100)
  const lines = render({ columns, rows, paint: plainPaint, nowMs: Date.now() })
  const text = lines.slice(0, -1).map((line) => line.trimEnd())
  return `${text.join('\n').trimEnd()}\n`
}

/** Draws a screen until the user quits. */
export async function showLive(screen: LiveScreen, { input, output, env }: Terminal): Promise<void> {
  const paint = env.NO_COLOR === undefined || env.NO_COLOR === '' ? ansiPaint : plainPaint
  const stop = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const draw = () => {
    timer = undefined
    const { columns, rows } = output
    // Overwrite each line: clearing first would flicker.
    const lines = screen.render({ columns, rows, paint, nowMs: Date.now() })
    output.write(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join('\r\n')}`)
  }
  const drawAfter = (ms: number) => {
    timer ??= setTimeout(draw, ms)
  }
  const onInput = (data: Buffer) => {
    for (const key of readKeys(data.toString())) {
      if (key === 'quit') stop.abort()
      else {
        screen.press(key)
        drawAfter(0)
      }
    }
  }
  const onResize = () => drawAfter(0)
  const onSignal = () => stop.abort()
  input.setRawMode(true)
  input.resume()
  input.on('data', onInput)
  output.on('resize', onResize)
  process.once('SIGTERM', onSignal)
  output.write(alternateScreen)
  draw()
  try {
    await screen.watch(() => drawAfter(drawMs), stop.signal)
  } finally {
    stop.abort()
    clearTimeout(timer)
    process.off('SIGTERM', onSignal)
    output.off('resize', onResize)
    input.off('data', onInput)
    input.setRawMode(false)
    input.pause()
    output.write(usualScreen)
  }
}
