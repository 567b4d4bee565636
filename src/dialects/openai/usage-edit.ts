import type { BodyEdit } from '../../kernel/json/body-edit.ts'
import type { ScannedBody } from '../../kernel/json/body-scan.ts'
import { colon, openBrace, skipSpace, skipValue } from '../../kernel/json/json-bytes.ts'

const usageOptions = '{"include_usage":true}'
const key = Buffer.from('"include_usage"')

/**
 * The edit to a streaming request that makes the endpoint report its usage (OpenAI, `stream_options`).
 * @returns undefined if the client requests the usage itself, or the body leaves no way to
 */
export function editForUsage(body: Buffer, scanned: ScannedBody): BodyEdit | undefined {
  const { streamOptions, lastEnd } = scanned
  if (streamOptions === undefined) {
    return { start: lastEnd, end: lastEnd, text: `,"stream_options":${usageOptions}` }
  }
  const { start, end } = streamOptions
  if (body.toString('latin1', start, end) === 'null') return { start, end, text: usageOptions }
  return body[start] === openBrace ? editInside(body, start, end) : undefined
}

/** Sets `include_usage` inside the client's options. */
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
