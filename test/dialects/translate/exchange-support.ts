import assert from 'node:assert/strict'
import type { WholeCall, WholeRequest } from '../../../src/dialects/hub/contract/whole.ts'
import type { WholeFormat } from '../../../src/dialects/hub/exchange/exchange-format.ts'
import { openaiErrors } from '../../../src/dialects/openai/errors/errors.ts'
import { embeddings } from '../../../src/dialects/openai/further-answers.ts'
import { type WholeExchange, wholeVariant } from '../../../src/dialects/translate/whole-variant.ts'
import type { RequestVariant, WholeAnswer } from '../../../src/dialects/variants/request-variant.ts'
import type { JsonObject } from '../../../src/kernel/json/json-fields.ts'

export function callOf<Request extends WholeRequest>(request: Request): WholeCall<Request> {
  return {
    request,
    model: 'client-model',
    keepsModel: false,
    newId: (prefix) => `${prefix}_1`,
    nowMs: () => 1_700_000_000_999,
    elapsedNs: () => 42_000_000,
  }
}

/** One exchange between two formats, as the gateway does it. */
export function exchanged<Request extends WholeRequest, Answer>(
  formats: {
    readonly client: WholeFormat<Request, Answer>
    readonly endpoint: WholeFormat<Request, Answer>
  },
  request: JsonObject,
  options: Partial<WholeExchange<Request, Answer>> = {},
): Exchanged {
  const variant = wholeVariant({
    ...formats,
    call: callOf(formats.client.readRequest(request)),
    sentModel: 'endpoint-model',
    errors: openaiErrors,
    form: embeddings,
    ...options,
  })
  const sent: JsonObject = JSON.parse(variant.body?.toString('utf8') ?? 'null')
  return { variant, sent, answered: (body) => answerTo(variant, body) }
}

export interface Exchanged {
  readonly variant: RequestVariant
  /** What the endpoint receives. */
  readonly sent: JsonObject
  /** What the client receives for an answer of the endpoint. */
  answered(body: unknown): ReadAnswer
}

export interface ReadAnswer {
  readonly statusCode: number
  readonly body: ReturnType<typeof JSON.parse>
}

export function answerTo(variant: RequestVariant, body: unknown, chunkBytes = 1_000): ReadAnswer {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes))
  const whole = gathered(variant, chunks)
  return { statusCode: whole.statusCode, body: JSON.parse(whole.body.toString('utf8')) }
}

export function gathered(
  variant: RequestVariant,
  chunks: readonly Buffer[],
  headers: readonly string[] = ['Content-Type', 'application/json'],
): WholeAnswer {
  const answer = variant.answer?.({ statusCode: 200, headers })
  assert.ok(answer !== undefined && 'end' in answer && 'push' in answer)
  for (const chunk of chunks) if (answer.isOver !== true) answer.push(chunk)
  return answer.end()
}
