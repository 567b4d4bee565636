import { isRecord } from '../../config/file/decode.ts'
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
  get(path: string): Promise<unknown> {
    return this.send('GET', path)
  }

  /** @throws GatewayClientError */
  async getText(path: string): Promise<string> {
    const response = await this.#fetch(path, {}, AbortSignal.timeout(this.#timeoutMs))
    return response.text()
  }

  /**
   * @param body sent as JSON
   * @param accepted further statuses whose JSON is an answer
   * @throws GatewayClientError
   */
  async send(
    method: string,
    path: string,
    body?: unknown,
    accepted: readonly number[] = [],
  ): Promise<unknown> {
    const change = method === 'GET' ? {} : { 'X-Olla-Gateway': '1' }
    const headers = body === undefined ? change : { ...change, 'Content-Type': 'application/json' }
    const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
    const response = await this.#fetch(path, headers, AbortSignal.timeout(this.#timeoutMs), init, accepted)
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

  async #fetch(
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
    init: RequestInit = {},
    accepted: readonly number[] = [],
  ): Promise<Response> {
    let response: Response
    try {
      response = await fetch(`${this.url}${path}`, {
        ...init,
        headers: { ...this.#headers, ...headers },
        signal,
      })
    } catch (error) {
      throw new GatewayClientError('unreachable', reasonOf(error))
    }
    if (response.ok || accepted.includes(response.status)) return response
    const text = (await response.text()).trim()
    const message = errorMessage(text)
    if (response.status === 429) {
      const wait = response.headers.get('retry-after')
      const again = wait === null ? 'try again later' : `try again in ${wait} s`
      throw new GatewayClientError('limited', `its rate limit is reached; ${again}`)
    }
    const isRefusal = response.status === 401 || response.status === 403
    const kind = isRefusal ? 'refused' : 'unexpected'
    throw new GatewayClientError(
      kind,
      message ?? (isRefusal ? text.slice(0, 300) : `${path} answered ${response.status}`),
    )
  }
}

/** The message of the gateway's own error; undefined if the body is none. */
function errorMessage(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body)
    const error = isRecord(parsed) ? parsed.error : undefined
    return isRecord(error) && typeof error.message === 'string' ? error.message : undefined
  } catch {
    return undefined
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'no answer in time'
  const { cause } = error
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
  return code === 'ECONNREFUSED' ? 'connection refused' : (code ?? error.message)
}
