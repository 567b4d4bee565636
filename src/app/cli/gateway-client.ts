import { EventMessages, type ServerMessage } from './event-messages.ts'

export interface GatewayClientOptions {
  /** Base URL, including the gateway's prefix if it has one. */
  readonly url: string
  readonly token: string | undefined
  /** Timeout for an answer, in milliseconds. */
  readonly timeoutMs: number
}

/** Why a request to the gateway failed. */
export class GatewayClientError extends Error {
  override readonly name = 'GatewayClientError'
  /** `refused`: the gateway denied access; `limited`: its rate limit is reached. */
  readonly kind: 'unreachable' | 'refused' | 'limited' | 'unexpected'

  constructor(kind: GatewayClientError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** Reads the internal routes of a running gateway. */
export class GatewayClient {
  readonly url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #timeoutMs: number

  constructor({ url, token, timeoutMs }: GatewayClientOptions) {
    this.url = url.replace(/\/+$/, '')
    this.#headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
    this.#timeoutMs = timeoutMs
  }

  /** @throws GatewayClientError */
  async get(path: string): Promise<unknown> {
    const response = await this.#fetch(path, {}, AbortSignal.timeout(this.#timeoutMs))
    try {
      return await response.json()
    } catch {
      throw new GatewayClientError('unexpected', `${path} did not answer with JSON`)
    }
  }

  /**
   * Yields messages of `/internal/events` until the stream ends.
   * @param lastId of the last event seen
   * @throws GatewayClientError
   */
  async *events(
    path: string,
    lastId: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<ServerMessage> {
    const headers: Record<string, string> = lastId === undefined ? {} : { 'Last-Event-ID': lastId }
    const response = await this.#fetch(path, headers, signal)
    const messages = new EventMessages()
    try {
      for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        yield* messages.push(text)
      }
    } catch (error) {
      if (!signal.aborted) throw new GatewayClientError('unreachable', reasonOf(error))
    }
  }

  async #fetch(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    let response: Response
    try {
      response = await fetch(`${this.url}${path}`, { headers: { ...this.#headers, ...headers }, signal })
    } catch (error) {
      throw new GatewayClientError('unreachable', reasonOf(error))
    }
    if (response.ok) return response
    const text = (await response.text()).trim().slice(0, 300)
    if (response.status === 429) {
      const wait = response.headers.get('retry-after')
      const again = wait === null ? 'try again later' : `try again in ${wait} s`
      throw new GatewayClientError('limited', `its rate limit is reached; ${again}`)
    }
    const isRefusal = response.status === 401 || response.status === 403
    const kind = isRefusal ? 'refused' : 'unexpected'
    throw new GatewayClientError(kind, isRefusal ? text : `${path} answered ${response.status}`)
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'no answer in time'
  const { cause } = error
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
  return code === 'ECONNREFUSED' ? 'connection refused' : (code ?? error.message)
}
