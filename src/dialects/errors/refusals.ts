import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import { readContextLimit } from './context-limit.ts'

/** An endpoint may be replaced by one that accepts what it refused, so the gateway tries again after this time. */
const rememberedMs = 1_800_000

/** Endpoints that have refused something the gateway adds. Reconfiguring an endpoint forgets its refusal. */
export class Refusals {
  readonly #clock: Clock
  readonly #untilMs = new WeakMap<Endpoint, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  has(endpoint: Endpoint): boolean {
    const untilMs = this.#untilMs.get(endpoint)
    return untilMs !== undefined && this.#clock.monotonicMs() < untilMs
  }

  add(endpoint: Endpoint): void {
    this.#untilMs.set(endpoint, this.#clock.monotonicMs() + rememberedMs)
  }
}

/** Endpoints that refuse `stream_options` (BerriAI/litellm#8978). */
export const streamOptionsRefusals = new Refusals(systemClock)
/** Endpoints without the Messages API, although backends of their type and version have it. */
export const messagesRefusals = new Refusals(systemClock)

/** Number of bytes of a refusal that are examined. */
const maxTextBytes = 8_192

/** Whether an error may be about `stream_options`, which the client has not sent. */
export function mayRefuseStreamOptions(statusCode: number, body: Buffer): boolean {
  const text = body.toString('utf8', 0, maxTextBytes)
  if (/stream_options|include_usage/.test(text)) return true
  return (statusCode === 400 || statusCode === 422) && readContextLimit(text) === undefined
}

/** Whether an error says that the endpoint does not accept a field of the request. */
export function refusesField(statusCode: number, body: Buffer): boolean {
  if (statusCode !== 400 && statusCode !== 422) return false
  const text = body.toString('utf8', 0, maxTextBytes)
  return /\b(?:unknown|unexpected|unrecogni[sz]ed|unsupported|additional|extra)\b.{0,60}\b(?:field|parameter|argument|input|key|propert|type|variant|content|role|keyword)|not (?:permitted|supported|allowed|implemented)|cannot determine type|is not an array|extra_forbidden|literal_error|union_tag_invalid/i.test(
    text,
  )
}
