import type { BodyEdit } from '../../kernel/json/body-edit.ts'
import type { ScannedBody } from '../../kernel/json/body-scan.ts'
import { colon, openBrace, skipSpace, skipValue } from '../../kernel/json/json-bytes.ts'

const wanted = '{"include_usage":true}'
const key = Buffer.from('"include_usage"')

/**
 * What must change in the body of a stream so that the endpoint tells its usage (OpenAI, `stream_options`).
 * @returns undefined where the client asks for it itself, or nothing can be asked
 */
export function editForUsage(body: Buffer, scanned: ScannedBody): BodyEdit | undefined {
  const { streamOptions, lastEnd } = scanned
  if (streamOptions === undefined) {
    return { start: lastEnd, end: lastEnd, text: `,"stream_options":${wanted}` }
  }
  const { start, end } = streamOptions
  if (body.toString('latin1', start, end) === 'null') return { start, end, text: wanted }
  return body[start] === openBrace ? editInside(body, start, end) : undefined
}

/** Sets `include_usage` in an object of options. */
function editInside(body: Buffer, start: number, end: number): BodyEdit | undefined {
  const options = body.subarray(start, end)
  const at = options.indexOf(key)
  if (at < 0) {
    const inside = skipSpace(body, start + 1)
    const isEmpty = inside === end - 1
    return { start: start + 1, end: start + 1, text: `"include_usage":true${isEmpty ? '' : ','}` }
  }
  const afterKey = skipSpace(body, start + at + key.length)
  if (body[afterKey] !== colon) return undefined
  const valueStart = skipSpace(body, afterKey + 1)
  const valueEnd = skipValue(body, valueStart)
  if (valueEnd < 0 || body.toString('latin1', valueStart, valueEnd) === 'true') return undefined
  return { start: valueStart, end: valueEnd, text: 'true' }
}
