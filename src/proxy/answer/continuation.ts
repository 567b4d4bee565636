import type { SectionOptions } from '../../config/options/sections.ts'
import { answerFormOf } from '../../dialects/answers/form-finder.ts'
import { type ContinuationForm, continuationForms } from '../../dialects/continuation/continuation-form.ts'
import { ContinuedStream, type SentStream } from '../../dialects/continuation/continued-stream.ts'
import { parseObject } from '../../dialects/continuation/json.ts'
import { SentText } from '../../dialects/continuation/sent-text.ts'
import type { GatheredAnswer, RequestVariant } from '../../dialects/variants/request-variant.ts'
import { framingIn } from '../../http/headers/response-headers.ts'
import { GatewayError } from '../../kernel/errors.ts'
import type { JsonObject } from '../../kernel/json/json-fields.ts'
import type { RoutedEndpoint, Tier } from '../../routing/models/routing.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { AnswerPlan } from './answer-head.ts'

/** A longer request is not parsed again. */
const maxRequestBytes = 16_777_216

/** Services that continuing a stream uses. */
export interface ContinuationServices {
  readonly options: Pick<SectionOptions<'proxy'>, 'continuation'>
}

/** What another endpoint needs to continue. */
interface Rest extends Omit<SentStream, 'hidesUsage'> {
  readonly body: JsonObject
  readonly text: string
}

/**
 * Continues one stream of text on another endpoint after it broke off, once: keeps the text that the client got, and
 * makes the request for the rest.
 */
export class Continuation {
  readonly #form: ContinuationForm
  readonly #name: string
  readonly #sentText: SentText
  readonly #request: ExchangeRequest
  /** The request for the rest; undefined until the stream broke off. */
  request: ExchangeRequest | undefined

  private constructor(request: ExchangeRequest, form: ContinuationForm, name: string, maxBytes: number) {
    this.#request = request
    this.#form = form
    this.#name = name
    this.#sentText = new SentText(form.isLines, form.readText, maxBytes)
  }

  /** @returns undefined if the answer is not a stream that could be continued, or if this is off */
  static of(
    { options }: ContinuationServices,
    request: ExchangeRequest,
    plan: AnswerPlan,
  ): Continuation | undefined {
    const { enabled, maxTextBytes } = options.continuation
    if (!enabled || plan.head.statusCode !== 200 || !Buffer.isBuffer(request.body)) return undefined
    const name = answerFormOf(request.method, request.path)?.name ?? ''
    const form = continuationForms[name]
    if (form === undefined) return undefined
    const framing = framingIn(plan.head.headers)
    if (framing !== (form.isLines ? 'ndjson' : 'sse')) return undefined
    return new Continuation(request, form, name, maxTextBytes)
  }

  /** The plan of the answer, with its text kept; that of the rest as it is. */
  watching(plan: AnswerPlan): AnswerPlan {
    if (this.request !== undefined) return plan
    return { ...plan, transforms: [...plan.transforms, this.#sentText] }
  }

  /**
   * The stream broke off.
   * @returns the candidates that can continue it; undefined if none can, or if it cannot be continued exactly
   */
  begin(): readonly Tier[] | undefined {
    if (this.request !== undefined) return undefined
    const rest = this.#restOf(this.#sentText)
    const tiers = this.#request.routing.tiers.map((tier) => ({
      ...tier,
      candidates: tier.candidates.filter((target) => this.#continues(target)),
    }))
    if (rest === undefined || tiers.every(({ candidates }) => candidates.length === 0)) return undefined
    this.#sentText.drop()
    const variant = (target: RoutedEndpoint) => this.#variantFor(target, rest)
    this.request = { ...this.#request, variant }
    return tiers
  }

  #restOf({ text, identity, tokens }: SentText): Rest | undefined {
    const { body } = this.#request
    if (text === undefined || identity === undefined || !Buffer.isBuffer(body)) return undefined
    if (body.length > maxRequestBytes) return undefined
    const request = parseObject(body.toString('utf8'))
    const trimmed = text.trimEnd()
    if (request === undefined || trimmed === '') return undefined
    const sent = { text: trimmed, tokens }
    if (this.#form.request(request, sent, false) === undefined) return undefined
    return { body: request, text: trimmed, tokens, identity, space: text.slice(trimmed.length) }
  }

  #continues({ endpoint }: RoutedEndpoint): boolean {
    return endpoint.profile?.continues.some((name) => name === this.#name) === true
  }

  #variantFor(target: RoutedEndpoint, rest: Rest): RequestVariant {
    const { profile } = target.endpoint
    const isFlagged = this.#name === 'chat' && profile?.chat.continuesMessages === true
    const body = this.#continues(target) ? this.#form.request(rest.body, rest, isFlagged) : undefined
    if (body === undefined) throw new GatewayError('upstream_broken')
    const { path, query } = this.#request
    const asksUsage = this.#asksUsage(rest.body) && profile?.usage.requestsStreamUsage === true
    const usage = asksUsage ? { stream_options: { include_usage: true } } : {}
    const model = target.sentModel ?? rest.body.model
    return {
      path,
      query,
      mode: 'passthrough',
      body: Buffer.from(JSON.stringify({ ...body, ...usage, model })),
      answer: ({ statusCode, headers }) => {
        if (statusCode >= 300) return undefined
        if (framingIn(headers) !== (this.#form.isLines ? 'ndjson' : 'sse')) return notAStream()
        const sent = { ...rest, hidesUsage: asksUsage }
        return { transforms: [new ContinuedStream(this.#form.isLines, sent, this.#form.rewrite)] }
      },
    }
  }

  /** Whether the gateway must ask for the usage itself. */
  #asksUsage({ stream_options: options }: JsonObject): boolean {
    return (this.#name === 'chat' || this.#name === 'completions') && options === undefined
  }
}

function notAStream(): GatheredAnswer {
  return {
    push: () => {},
    end: () => ({ statusCode: 502, headers: [], body: Buffer.alloc(0) }),
    failure: { reason: 'not a stream' },
  }
}
