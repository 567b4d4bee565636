import { readFile } from 'node:fs/promises'
import { Agent, type Dispatcher } from 'undici'

export interface ApiClientOptions {
  /** `https://host:port` or, with `socketPath`, `http://localhost`. */
  readonly origin: string
  readonly socketPath?: string
  /** PEM file of authorities. */
  readonly caFile?: string | undefined
  /** File whose text is the bearer token; read for each request, because tokens rotate. */
  readonly tokenFile?: string | undefined
}

export interface ApiAnswer {
  readonly statusCode: number
  readonly body: AsyncIterable<Uint8Array>
}

/** Gets JSON of an API of the infrastructure: Kubernetes or Docker. */
export interface ApiClient {
  /**
   * @param timeoutMs limit until the headers; the body has `idleMs` between two chunks
   * @throws Error with a code if there is no answer
   */
  get(path: string, options: { timeoutMs: number; idleMs: number; signal: AbortSignal }): Promise<ApiAnswer>
  close(): Promise<void>
}

export function apiClient({ origin, socketPath, caFile, tokenFile }: ApiClientOptions): ApiClient {
  let agent: Promise<Agent> | undefined
  const connect = async () =>
    new Agent({
      pipelining: 1,
      connections: 4,
      ...(socketPath === undefined && caFile === undefined
        ? {}
        : {
            connect: {
              ...(socketPath === undefined ? {} : { socketPath }),
              ...(caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') }),
            },
          }),
    })
  return {
    async get(path, { timeoutMs, idleMs, signal }) {
      const token = tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim()
      agent ??= connect()
      // A file that cannot be read now may be there later.
      agent.catch(() => {
        agent = undefined
      })
      const options: Dispatcher.RequestOptions = {
        origin,
        path,
        method: 'GET',
        headers: {
          accept: 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        headersTimeout: timeoutMs,
        bodyTimeout: idleMs,
        signal,
      }
      return (await agent).request(options)
    },
    async close() {
      const present = await agent?.catch(() => undefined)
      await present?.destroy()
    },
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
