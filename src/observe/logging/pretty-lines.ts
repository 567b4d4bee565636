import { isRecord } from '../../config/file/decode.ts'

/** Converts JSON lines to lines for people, one to one. */
export type LineFormatter = (lines: string) => string

const requestMessage = 'request'

/** Creates the formatter for a terminal or for `logging.format: text`. */
export async function createPrettyLines(hasColour: boolean): Promise<LineFormatter> {
  const { prettyFactory } = await import('pino-pretty')
  const options = { colorize: hasColour, translateTime: 'SYS:HH:MM:ss.l', singleLine: true }
  const event = prettyFactory(options)
  // The message describes the event; the other thirty members are for programs.
  const request = prettyFactory({ ...options, hideObject: true, messageFormat: requestText })
  const isRequest = `"msg":"${requestMessage}"}`
  return (lines) =>
    lines
      .split('\n')
      .filter((line) => line !== '')
      // Without members the library omits the line break.
      .map((line) => `${(line.endsWith(isRequest) ? request(line) : event(line)).trimEnd()}\n`)
      .join('')
}

/** `POST /v1/chat/completions 200 gpu llama3.2:3b 812 ms, 2 attempts, 130 tokens, id llama-grazing-1f2e3d4c` */
export function requestText(line: unknown): string {
  if (!isRecord(line)) return requestMessage
  const first = ['method', 'path', 'status', 'endpoint', 'model'].flatMap((key) => text(line[key]) ?? [])
  const { attempts, output_tokens: tokens, outcome } = line
  const details = [
    `${Math.round(Number(line.duration_ms ?? 0))} ms`,
    ...(outcome === 'success' || outcome === undefined ? [] : [String(outcome)]),
    ...(typeof attempts === 'number' && attempts > 1 ? [`${attempts} attempts`] : []),
    ...(typeof tokens === 'number' ? [tokens === 1 ? '1 token' : `${tokens} tokens`] : []),
    ...(text(line.error) ?? []),
    `id ${String(line.request_id)}`,
  ]
  return `${first.join(' ')} ${details.join(', ')}`
}

function text(value: unknown): string[] | undefined {
  return value === undefined || value === null ? undefined : [String(value)]
}
