import type { Endpoint } from '../../../endpoints/registry/endpoint.ts'
import { headerValue } from '../../../http/headers/response-headers.ts'
import { BodyCopies } from './body-copies.ts'
import { type CallSink, EndpointCall } from './endpoint-call.ts'
import { errorText, jsonAnswer, type ManagementAnswer, type ManagementRun, requestTo } from './management.ts'
import { combineOutcomes, type EndpointOutcome } from './outcome.ts'

/** Maximum bytes of an answer that are kept. */
const maxAnswerBytes = 65_536

/** An endpoint's answer, whole. */
interface WholeOutcome extends EndpointOutcome {
  readonly contentType: string | undefined
  readonly body: Buffer
}

/**
 * Sends a request to all endpoints and combines their answers once all are whole. The answer of a single endpoint stays
 * as it is.
 */
export async function answerWhole(run: ManagementRun): Promise<ManagementAnswer> {
  const { endpoints, request, services, signal } = run
  const { method, body, blob, operation } = request
  const stallMs = Math.max(0, ...endpoints.map(({ timeouts }) => timeouts.idleMs))
  const copies = blob === undefined ? undefined : new BodyCopies(blob, { clock: services.clock, stallMs })
  const whole = endpoints.map(async (endpoint): Promise<WholeOutcome> => {
    const { promise, resolve } = Promise.withResolvers<WholeOutcome>()
    const startedMs = services.clock.monotonicMs()
    const sink = new WholeSink((partial) =>
      resolve({ ...partial, endpoint, durationMs: services.clock.monotonicMs() - startedMs }),
    )
    const call = new EndpointCall(services, endpoint, sink)
    const stream = copies?.add({
      onRead: () => call.awaitAnswer(),
      onStalled: () => call.fail('it does not read the blob'),
    })
    const abort = () => call.fail('the client closed the connection')
    signal.addEventListener('abort', abort)
    call.send(requestTo(endpoint, request, stream ?? body))
    const outcome = await promise
    signal.removeEventListener('abort', abort)
    stream?.destroy()
    run.onOutcome(outcome)
    return outcome
  })
  copies?.start()
  const outcomes = await Promise.all(whole)
  if (copies !== undefined) run.onBlob(copies.bytes)
  const succeeded = outcomes.filter(({ failure }) => failure === undefined)
  if (succeeded.length > 0 && operation.changesModels) await run.succeeded(succeeded.map(endpointOf))
  const [first] = outcomes
  if (first?.statusCode !== undefined && outcomes.length === 1) {
    return { statusCode: first.statusCode, contentType: first.contentType, body: first.body }
  }
  const { statusCode, error } = combineOutcomes(outcomes, operation.allowsMissing)
  if (error !== undefined && method !== 'HEAD') return jsonAnswer(statusCode, { error })
  return { statusCode, contentType: undefined, body: undefined }
}

function endpointOf({ endpoint }: EndpointOutcome): Endpoint {
  return endpoint
}

class WholeSink implements CallSink {
  readonly #done: (outcome: Omit<WholeOutcome, 'endpoint' | 'durationMs'>) => void
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #statusCode: number | undefined
  #contentType: string | undefined

  constructor(done: (outcome: Omit<WholeOutcome, 'endpoint' | 'durationMs'>) => void) {
    this.#done = done
  }

  onHead(statusCode: number, headers: readonly string[]): void {
    this.#statusCode = statusCode
    this.#contentType = headerValue(headers, 'content-type')
  }

  onData(chunk: Buffer): boolean {
    const kept = chunk.subarray(0, maxAnswerBytes - this.#bytes)
    this.#bytes += kept.length
    if (kept.length > 0) this.#chunks.push(kept)
    return true
  }

  onEnd(): void {
    const statusCode = this.#statusCode ?? 502
    const body = Buffer.concat(this.#chunks)
    const failure = statusCode < 300 ? undefined : errorText(statusCode, body.toString('utf8'))
    this.#done({ statusCode, contentType: this.#contentType, body, failure })
  }

  onFailed(reason: string): void {
    this.#done({ statusCode: undefined, contentType: undefined, body: Buffer.alloc(0), failure: reason })
  }
}
