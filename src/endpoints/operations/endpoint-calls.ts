import type { ClientPool, ClientRequest, RequestHandler } from '../../http/client/contract.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { isObject, type JsonObject } from '../../kernel/json/json-fields.ts'
import { JsonLines } from '../../kernel/stream/json-lines.ts'
import { classifyFailure, describeFailure } from '../connections/failure.ts'
import type { UpstreamPools } from '../connections/pools.ts'
import type { Shortages } from '../connections/shortages.ts'
import { BodyTooLargeError, wholeAnswer } from '../connections/whole-answer.ts'
import type { Endpoint } from '../registry/endpoint.ts'
import { upstreamPath } from '../registry/upstream-path.ts'
import { errorIn } from './contract/error-text.ts'
import { type EngineAnswer, type EngineCalls, OperationError } from './contract/operation.ts'

export interface EndpointCallServices {
  readonly clock: Pick<Clock, 'after'>
  readonly pools: Pick<UpstreamPools, 'get'>
  readonly shortages: Pick<Shortages, 'explain'>
  /** `User-Agent` and `Via` of the gateway's own requests, as flat name/value pairs. */
  readonly headers: readonly string[]
}

/** Lists of models with all details are smaller. */
const maxBodyBytes = 16_777_216
const maxLineBytes = 1_048_576

/** The requests of one operation to one endpoint. */
export class EndpointCalls implements EngineCalls {
  readonly #services: EndpointCallServices
  readonly #endpoint: Endpoint
  readonly #signal: AbortSignal
  readonly #silenceMs: number

  /**
   * @param signal ends the operation
   * @param silenceMs how long an answer may take, and pause
   */
  constructor(
    services: EndpointCallServices,
    endpoint: Endpoint,
    { signal, silenceMs }: { readonly signal: AbortSignal; readonly silenceMs: number },
  ) {
    this.#services = services
    this.#endpoint = endpoint
    this.#signal = signal
    this.#silenceMs = silenceMs
  }

  async send(method: string, path: string, body?: object): Promise<EngineAnswer> {
    const limit = new SilenceLimit(this.#services.clock, this.#signal, this.#silenceMs)
    try {
      const answer = await wholeAnswer(this.#pool, this.#request(method, path, body), {
        signal: limit.signal,
        maxBytes: maxBodyBytes,
        dropsBody: false,
      })
      const text = answer.body.toString('utf8')
      return { status: answer.statusCode, json: objectIn(text), text }
    } catch (error) {
      throw this.#failure(error, limit)
    } finally {
      limit.end()
    }
  }

  async ok(method: string, path: string, body?: object): Promise<EngineAnswer> {
    const answer = await this.send(method, path, body)
    if (answer.status < 200 || answer.status >= 300)
      throw new OperationError(errorIn(answer.status, answer.json))
    return answer
  }

  async lines(path: string, body: object, onLine: (line: JsonObject) => void): Promise<void> {
    const limit = new SilenceLimit(this.#services.clock, this.#signal, this.#silenceMs)
    try {
      await readLines(this.#pool, this.#request('POST', path, body), limit, onLine)
    } catch (error) {
      throw this.#failure(error, limit)
    } finally {
      limit.end()
    }
  }

  sleep(ms: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const signal = this.#signal
    if (signal.aborted) return Promise.reject(new OperationError('cancelled'))
    const timer = this.#services.clock.after(ms, resolve)
    const onAbort = () => reject(new OperationError('cancelled'))
    signal.addEventListener('abort', onAbort)
    return promise.finally(() => {
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
    })
  }

  get #pool(): ClientPool {
    return this.#services.pools.get(this.#endpoint)
  }

  #request(method: string, path: string, body: object | undefined): ClientRequest {
    const at = path.indexOf('?')
    const [plain, query] = at < 0 ? [path, ''] : [path.slice(0, at), path.slice(at)]
    const target = upstreamPath(this.#endpoint, plain, query)
    if (target === undefined) throw new OperationError('the name does not fit into a path')
    const type = body === undefined ? [] : ['Content-Type', 'application/json']
    return {
      method,
      path: target,
      headers: [
        ...this.#services.headers,
        ...['Accept', 'application/json, application/x-ndjson', 'Accept-Encoding', 'identity'],
        ...type,
        ...this.#endpoint.headers,
      ],
      body: body === undefined ? null : Buffer.from(JSON.stringify(body)),
    }
  }

  #failure(error: unknown, limit: SilenceLimit): OperationError {
    if (error instanceof OperationError) return error
    if (this.#signal.aborted) return new OperationError('cancelled')
    if (limit.isOver) return new OperationError('the endpoint did not answer in time')
    if (error instanceof BodyTooLargeError) return new OperationError(error.message)
    return new OperationError(describeFailure(this.#services.shortages.explain(classifyFailure(error))))
  }
}

/** Ends a request that has been without data for too long. */
class SilenceLimit {
  isOver = false
  readonly #clock: Pick<Clock, 'after'>
  readonly #ms: number
  readonly #own = new AbortController()
  readonly #outer: AbortSignal
  readonly #onAbort = () => this.#own.abort()
  #timer: Timer | undefined

  constructor(clock: Pick<Clock, 'after'>, outer: AbortSignal, ms: number) {
    this.#clock = clock
    this.#outer = outer
    this.#ms = ms
    if (outer.aborted) this.#own.abort()
    else outer.addEventListener('abort', this.#onAbort)
    this.touch()
  }

  get signal(): AbortSignal {
    return this.#own.signal
  }

  touch(): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.after(this.#ms, () => {
      this.isOver = true
      this.#own.abort()
    })
  }

  end(): void {
    this.#timer?.cancel()
    this.#outer.removeEventListener('abort', this.#onAbort)
  }
}

function readLines(
  pool: ClientPool,
  request: ClientRequest,
  limit: SilenceLimit,
  onLine: (line: JsonObject) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const lines = new JsonLines(maxLineBytes)
  let abort: (() => void) | undefined
  let statusCode = 0
  let refusal = ''
  let isOver = false
  const end = (error?: unknown) => {
    if (isOver) return
    isOver = true
    if (error === undefined) resolve()
    else reject(error)
  }
  const fail = (error: unknown) => {
    end(error)
    abort?.()
  }
  const take = (values: readonly unknown[] | undefined) => {
    if (values === undefined) throw new OperationError('the answer is not lines of JSON')
    for (const value of values) {
      if (!isObject(value)) continue
      if (typeof value.error === 'string') throw new OperationError(errorIn(statusCode, value))
      onLine(value)
    }
  }
  const guarded = (run: () => void) => {
    try {
      run()
    } catch (error) {
      fail(error)
    }
  }
  const handler: RequestHandler = {
    onConnect(close) {
      abort = close
      if (isOver) close()
    },
    onHeaders(status) {
      statusCode = status
    },
    onData(chunk) {
      limit.touch()
      if (isOver) return true
      if (statusCode >= 300) refusal += chunk.toString('utf8', 0, Math.max(0, maxLineBytes - refusal.length))
      else guarded(() => take(lines.push(chunk)))
      return true
    },
    onComplete() {
      guarded(() => {
        if (statusCode >= 300) throw new OperationError(errorIn(statusCode, objectIn(refusal)))
        take(lines.end())
        end()
      })
    },
    onError: end,
  }
  const onAbort = () => fail(new Error('aborted'))
  limit.signal.addEventListener('abort', onAbort)
  if (limit.signal.aborted) onAbort()
  else guarded(() => pool.send(request, handler))
  return promise.finally(() => limit.signal.removeEventListener('abort', onAbort))
}

/** @returns an empty object for everything that is none */
function objectIn(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}
