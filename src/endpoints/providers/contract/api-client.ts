import { readFile } from 'node:fs/promises'
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'

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
   * @param timeoutMs maximum silence until the headers; the body has `idleMs` between two chunks, 0: no limit
   * @throws Error with a code if there is no answer
   */
  get(path: string, options: { timeoutMs: number; idleMs: number; signal: AbortSignal }): Promise<ApiAnswer>
  close(): Promise<void>
}

export function apiClient({ origin, socketPath, caFile, tokenFile }: ApiClientOptions): ApiClient {
  const isSecure = origin.startsWith('https:')
  let agent: Promise<Agent> | undefined
  const createAgent = async () => {
    const options = { keepAlive: true, maxSockets: 4 }
    if (!isSecure) return new Agent(options)
    return new SecureAgent(
      caFile === undefined ? options : { ...options, ca: await readFile(caFile, 'utf8') },
    )
  }
  return {
    async get(path, { timeoutMs, idleMs, signal }) {
      const token = tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim()
      agent ??= createAgent()
      // A file that cannot be read now may be there later.
      agent.catch(() => {
        agent = undefined
      })
      const options: RequestOptions = {
        agent: await agent,
        headers: {
          accept: 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(socketPath === undefined ? {} : { socketPath }),
        timeout: timeoutMs,
        signal,
      }
      const url = new URL(path, origin)
      const response = await responseTo(isSecure ? secureRequest(url, options) : request(url, options))
      response.setTimeout(idleMs, () => response.destroy(timeoutError()))
      return { statusCode: response.statusCode ?? 0, body: response }
    },
    async close() {
      const present = await agent?.catch(() => undefined)
      present?.destroy()
    },
  }
}

function responseTo(sent: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const abort = () => sent.destroy(timeoutError())
    sent.on('timeout', abort)
    // Stays: an aborted request emits an error after its response as well.
    sent.on('error', reject)
    sent.on('response', (response) => {
      sent.off('timeout', abort)
      resolve(response)
    })
    sent.end()
  })
}

function timeoutError(): Error {
  return Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })
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
