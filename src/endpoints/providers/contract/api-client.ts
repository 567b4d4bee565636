import { readFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'

export interface ApiClientOptions {
  /** `https://host:port` or, with `socketPath`, `http://localhost`. */
  readonly origin: string
  readonly socketPath?: string
  /** PEM file of authorities. */
  readonly caFile?: string | undefined
  /** File whose text is the bearer token; read for each request, because tokens rotate. Without the file there is none. */
  readonly tokenFile?: string | undefined
}

export interface ApiAnswer {
  readonly statusCode: number
  readonly body: AsyncIterable<Uint8Array>
}

/** Gets JSON of an API of the infrastructure: Kubernetes or Docker. */
export interface ApiClient {
  /** @throws Error with a code if there is no answer */
  get(path: string, limits: ApiLimits): Promise<ApiAnswer>
}

/** Milliseconds; an answer that exceeds one ends with an error. */
export interface ApiLimits {
  /** Maximum silence until the headers, the handshake of TLS included. */
  readonly timeoutMs: number
  /** Maximum silence between two chunks of the body. */
  readonly idleMs: number
  /** Until the end of the body. Default: no limit. */
  readonly totalMs?: number
  readonly signal: AbortSignal
}

/** Each request has a connection of its own: there is one in a second at most, and some are open for long. */
export function apiClient({ origin, socketPath, caFile, tokenFile }: ApiClientOptions): ApiClient {
  const { protocol } = new URL(origin)
  return {
    async get(path, { timeoutMs, idleMs, totalMs = 0, signal }) {
      const token = tokenFile === undefined ? undefined : await readToken(tokenFile)
      const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8')
      const request = (protocol === 'https:' ? https : http).request(new URL(path, origin), {
        agent: false,
        signal,
        timeout: timeoutMs,
        headers: {
          accept: 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(socketPath === undefined ? {} : { socketPath }),
        ...(ca === undefined ? {} : { ca }),
      })
      const giveUp = () => request.destroy(Object.assign(new Error('silent'), { code: 'ETIMEDOUT' }))
      request.on('timeout', giveUp)
      const timer = totalMs === 0 ? undefined : setTimeout(giveUp, totalMs)
      request.on('close', () => clearTimeout(timer))
      request.end()
      const body = await new Promise<http.IncomingMessage>((resolve, reject) => {
        request.once('response', resolve)
        request.on('error', reject)
      })
      request.setTimeout(idleMs)
      return { statusCode: body.statusCode ?? 0, body }
    },
  }
}

async function readToken(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Reads an answer's body as JSON.
 * @throws SyntaxError if it is not JSON; RangeError if it is longer than `maxBytes`
 */
export async function jsonBody(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > maxBytes) throw new RangeError(`the answer is longer than ${maxBytes} bytes`)
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'))
}
