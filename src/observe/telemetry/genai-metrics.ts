import type { Attributes, Histogram, Meter } from '@opentelemetry/api'
import type { GenAiOperation } from '../../dialects/contract/answer-form.ts'
import type { AttemptEnd, HookedAttempt, HookedRequest, RequestHooks } from '../../proxy/request/hooks.ts'
import { attemptError, endpointAttributes, errorType, seconds } from './attributes.ts'

/** Bucket bounds from the semantic conventions, in the unit of each metric. */
const bounds = {
  tokens: [
    1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
  ],
  duration: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
  firstToken: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  outputToken: [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
} as const

const inputTokens = { tokenType: 'input' } as const
const outputTokens = { tokenType: 'output' } as const

/**
 * Metrics of the GenAI semantic conventions. For its clients the gateway is a server (`gen_ai.server.*`, one value per
 * request), for endpoints a client (`gen_ai.client.*`, one value per attempt).
 */
export class GenAiMetrics implements RequestHooks {
  readonly #operations = new WeakMap<HookedRequest, GenAiOperation>()
  readonly #clientDuration: Histogram
  readonly #clientTokens: Histogram
  readonly #serverDuration: Histogram
  readonly #serverFirstToken: Histogram
  readonly #serverOutputToken: Histogram
  readonly #nowMs: () => number

  /** @param nowMs monotonic milliseconds, as in request contexts */
  constructor(meter: Meter, nowMs: () => number) {
    const histogram = (name: string, unit: string, description: string, own: readonly number[]) =>
      meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: [...own] } })
    this.#nowMs = nowMs
    this.#clientDuration = histogram(
      'gen_ai.client.operation.duration',
      's',
      'GenAI operation duration.',
      bounds.duration,
    )
    this.#clientTokens = histogram(
      'gen_ai.client.token.usage',
      '{token}',
      'Number of input and output tokens used.',
      bounds.tokens,
    )
    this.#serverDuration = histogram(
      'gen_ai.server.request.duration',
      's',
      'Generative AI server request duration such as time-to-last byte or last output token.',
      bounds.duration,
    )
    this.#serverFirstToken = histogram(
      'gen_ai.server.time_to_first_token',
      's',
      'Time to generate first token for successful responses.',
      bounds.firstToken,
    )
    this.#serverOutputToken = histogram(
      'gen_ai.server.time_per_output_token',
      's',
      'Time per output token generated after the first token for successful responses.',
      bounds.outputToken,
    )
  }

  /** Starts measuring a request, if it addresses a model. */
  begin(request: HookedRequest, operation: GenAiOperation | undefined): void {
    if (operation !== undefined) this.#operations.set(request, operation)
  }

  onAttemptEnd(request: HookedRequest, attempt: HookedAttempt, end: AttemptEnd): void {
    const operation = this.#operations.get(request)
    if (operation === undefined) return
    const error = attemptError(end)
    const attributes = endpointAttributes(request, attempt, operation, { error })
    this.#clientDuration.record(end.durationMs / 1000, attributes)
    if (end.kind !== 'answered') return
    const { promptTokens, completionTokens } = request
    if (promptTokens !== undefined)
      this.#clientTokens.record(promptTokens, endpointAttributes(request, attempt, operation, inputTokens))
    if (completionTokens !== undefined)
      this.#clientTokens.record(
        completionTokens,
        endpointAttributes(request, attempt, operation, outputTokens),
      )
  }

  onResponse(request: HookedRequest): void {
    const operation = this.#operations.get(request)
    if (operation === undefined) return
    const error = errorType(request)
    // In alphabetical order, as in `endpointAttributes`.
    const attributes: Attributes = {}
    if (error !== undefined) attributes['error.type'] = error
    attributes['gen_ai.operation.name'] = operation
    attributes['gen_ai.provider.name'] = 'olla'
    // Clients choose model names freely, so only names that an endpoint has become label values.
    if (request.attemptCount > 0 && request.model !== undefined)
      attributes['gen_ai.request.model'] = request.model
    this.#serverDuration.record((this.#nowMs() - request.startedAtMs) / 1000, attributes)
    if (request.outcome !== 'success') return
    const firstToken = seconds(request.answer?.firstTokenMs)
    if (firstToken !== undefined) this.#serverFirstToken.record(firstToken, attributes)
    const outputToken = seconds(request.answer?.interTokenMs)
    if (outputToken !== undefined) this.#serverOutputToken.record(outputToken, attributes)
  }
}
