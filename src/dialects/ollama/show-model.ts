import type { UpstreamFetch } from '../../endpoints/connections/fetch.ts'
import { GatewayError } from '../../kernel/errors.ts'
import { checkModelName } from '../../kernel/names/model-name.ts'
import type { ModelSource } from '../../routing/models/unified-model.ts'

type Json = Readonly<Record<string, unknown>>

export const showPath = '/api/show'

/** A verbose answer contains the whole vocabulary. */
const maxAnswerBytes = 64 * 1024 * 1024
const timeoutMs = 10_000
const maxAttempts = 3

/** A client's request to `/api/show`. */
export interface ShowRequest {
  readonly name: string
  readonly body: Json
}

/** An endpoint's answer. */
export interface ShownModel {
  readonly endpoint: ModelSource['endpoint']
  readonly body: Buffer | Json
}

/**
 * Reads a request as Ollama does: with any content type. `name` is the older field; it applies if `model` is empty,
 * because Go clients send every field.
 * @throws GatewayError invalid_request, invalid_json
 */
export function readShowRequest(bytes: Buffer): ShowRequest {
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
  if (text.trim() === '') throw new GatewayError('invalid_request', 'missing request body')
  const body = parseObject(text)
  if (body === undefined) throw new GatewayError('invalid_json')
  for (const field of ['model', 'name']) {
    const value = body[field]
    if (typeof value !== 'string' || value.trim() === '') continue
    const name = value.trim()
    checkModelName(name)
    return { name, body }
  }
  throw new GatewayError('invalid_request', 'model is required')
}

/**
 * Requests `/api/show` from the endpoints that have the model, one after the other.
 * @param sources endpoints that have the route, in order of preference
 * @returns undefined if no endpoint answered with the model
 * @throws GatewayError model_not_found if every endpoint reports that it no longer has the model
 */
export async function fetchModelDetails(
  fetch: UpstreamFetch,
  request: ShowRequest,
  sources: readonly ModelSource[],
): Promise<ShownModel | undefined> {
  const candidates = sources.slice(0, maxAttempts)
  let missing = 0
  for (const { endpoint, nativeName } of candidates) {
    const body = JSON.stringify({ ...request.body, model: nativeName, name: nativeName })
    const answer = await fetch({
      url: `${endpoint.url}${showPath}`,
      headers: ['Content-Type', 'application/json', 'Accept', 'application/json', ...endpoint.headers],
      timeoutMs,
      maxBytes: maxAnswerBytes,
      body: Buffer.from(body),
    }).catch(() => undefined)
    if (answer === undefined) continue
    const shown = parseObject(answer.body.toString('utf8'))
    if (answer.statusCode === 200 && shown !== undefined && !isPresent(shown.error)) {
      return { endpoint, body: withClientsName(answer.body, shown, nativeName, request.name) }
    }
    if (typeof shown?.error === 'string' && /\bmodel\b.*\bnot found\b/is.test(shown.error)) missing++
  }
  if (missing > 0 && missing === sources.length) {
    throw new GatewayError('model_not_found', `model '${request.name}' not found`)
  }
  return undefined
}

function withClientsName(bytes: Buffer, shown: Json, native: string, requested: string): Buffer | Json {
  if (native === requested || (shown.model !== native && shown.name !== native)) return bytes
  const names = ['model', 'name'].filter((field) => shown[field] === native)
  return { ...shown, ...Object.fromEntries(names.map((field) => [field, requested])) }
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

function parseObject(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
  } catch {
    return undefined
  }
}
