import { readKeys } from '../top/keys.ts'
import { ansiPaint, plainPaint } from '../top/paint.ts'
import { renderScreen } from '../top/render.ts'
import { initialState, type TopMessage, update } from '../top/state.ts'
import { readOptions } from './arguments.ts'
import { clientOptions, clientUsage, createClient } from './client-arguments.ts'
import { type GatewayClient, GatewayClientError } from './gateway-client.ts'
import type { CommandResult } from './status-command.ts'
import { readOnce, watchGateway } from './watch-gateway.ts'

const usage = `Usage: olla-gateway top [options]     a running gateway, live; without a terminal it prints once

Options:
${clientUsage}

Keys: q quit, arrows or j/k scroll, tab other list, s or left/right sort, r reverse
`

const timeoutMs = 5_000
/** Minimum interval between redraws; milliseconds. */
const drawMs = 100
const alternateScreen = '\u001b[?1049h\u001b[?25l'
const usualScreen = '\u001b[?25h\u001b[?1049l'

/** The parts of a terminal that the command uses. */
export interface Terminal {
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WriteStream
  readonly env: Readonly<Record<string, string | undefined>>
}

/** `olla-gateway top`. */
export async function topCommand(args: string[], terminal: Terminal): Promise<CommandResult> {
  let client: GatewayClient | undefined
  try {
    const { values } = readOptions(args, clientOptions)
    if (values.help) return { output: usage, exitCode: 0 }
    client = createClient(values, terminal.env, timeoutMs)
    const isLive = terminal.output.isTTY === true && terminal.input.isTTY === true
    return isLive ? await showLive(client, terminal) : await printOnce(client, terminal)
  } catch (error) {
    if (error instanceof GatewayClientError) {
      return { output: `${client?.url}: ${error.message}\n`, exitCode: error.kind === 'unreachable' ? 2 : 3 }
    }
    return { output: `${error instanceof Error ? error.message : String(error)}\nTry --help.\n`, exitCode: 3 }
  }
}

async function printOnce(client: GatewayClient, { output, env }: Terminal): Promise<CommandResult> {
  const messages = await readOnce(client)
  const state = messages.reduce(update, initialState(client.url))
  const lines = renderScreen(state, {
    columns: output.columns ?? (Number(env.COLUMNS) || 100),
    // Room for everything; the empty rest is cut off below.
    rows: 36 + state.endpoints.length * 2,
    paint: plainPaint,
    nowMs: Date.now(),
  })
  // The last line describes the keys.
  const text = lines.slice(0, -1).map((line) => line.trimEnd())
  return { output: `${text.join('\n').trimEnd()}\n`, exitCode: 0 }
}

async function showLive(client: GatewayClient, { input, output, env }: Terminal): Promise<CommandResult> {
  const paint = env.NO_COLOR === undefined || env.NO_COLOR === '' ? ansiPaint : plainPaint
  const stop = new AbortController()
  let state = initialState(client.url)
  let timer: NodeJS.Timeout | undefined
  const draw = () => {
    timer = undefined
    const { columns, rows } = output
    // Overwrite each line: clearing first would flicker.
    const lines = renderScreen(state, { columns, rows, paint, nowMs: Date.now() })
    output.write(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join('\r\n')}`)
  }
  const dispatch = (message: TopMessage) => {
    state = update(state, message)
    timer ??= setTimeout(draw, message.kind === 'key' ? 0 : drawMs)
  }
  const onInput = (data: Buffer) => {
    for (const key of readKeys(data.toString())) {
      if (key === 'quit') stop.abort()
      else dispatch({ kind: 'key', key })
    }
  }
  const onResize = () => {
    timer ??= setTimeout(draw, 0)
  }
  const onSignal = () => stop.abort()
  input.setRawMode(true)
  input.resume()
  input.on('data', onInput)
  output.on('resize', onResize)
  process.once('SIGTERM', onSignal)
  output.write(alternateScreen)
  draw()
  try {
    await watchGateway(client, dispatch, stop.signal)
    return { output: '', exitCode: 0 }
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
