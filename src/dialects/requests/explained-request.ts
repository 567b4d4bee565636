import { GatewayError } from '../../kernel/errors.ts'
import { memberSpans } from '../../kernel/json/body-members.ts'
import { decodeString, openBrace } from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'

/** A request that a client wants explained, not sent. */
export interface ExplainedRequest {
  /** As a client would request it, below the gateway's own prefix. */
  readonly path: string
  /** Flat name/value pairs. */
  readonly rawHeaders: readonly string[]
  /** The bytes that would be sent. */
  readonly body: Buffer
}

const usualPath = '/v1/chat/completions'
const envelopePlaces = new KeyNames<number>([
  ['path', 0],
  ['headers', 1],
  ['body', 2],
])
const noBody: Buffer = Buffer.from('{}')

/**
 * Reads `{ path, headers, body }`. Other JSON is the request body itself, and the headers are those it came with. The
 * body stays byte for byte as it is, because session affinity hashes its bytes.
 * @throws GatewayError invalid_json, invalid_request
 */
export function readExplainRequest(received: Buffer, rawHeaders: readonly string[]): ExplainedRequest {
  if (received.length === 0) return { path: usualPath, rawHeaders, body: noBody }
  const spans = memberSpans(received, envelopePlaces)
  if (spans === undefined) throw new GatewayError('invalid_json')
  const [path, headers, body] = spans
  if (body === undefined || received[body.start] !== openBrace) {
    return { path: usualPath, rawHeaders, body: received }
  }
  return {
    path: path === undefined ? usualPath : (decodeString(received, path.start, path.end) ?? usualPath),
    rawHeaders:
      headers === undefined ? [] : readHeaders(received.toString('utf8', headers.start, headers.end)),
    body: received.subarray(body.start, body.end),
  }
}

function readHeaders(text: string): string[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new GatewayError('invalid_json')
  }
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
  return entries.flatMap(([name, each]) => {
    if (typeof each !== 'string') throw new GatewayError('invalid_request', 'Header values must be strings.')
    return [name, each]
  })
}
