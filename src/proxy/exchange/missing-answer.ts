import { brotliDecompressSync, unzipSync, zstdDecompressSync } from 'node:zlib'
import { errorText } from '../../dialects/answers/error-text.ts'
import { type Missing, readMissing, saysMissing } from '../../dialects/answers/missing.ts'
import { managesEndpoint, operationOf } from '../../dialects/requests/operation.ts'
import type { AttemptFailure } from '../../endpoints/connections/failure.ts'
import { headerValue, type UpstreamHead } from '../../http/headers/response-headers.ts'
import type { GatewayError } from '../../kernel/errors.ts'
import { pathError } from '../../routing/models/rejection.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import { pathNotServed } from '../../routing/models/tiers.ts'
import { tellRoute } from '../request/routing-headers.ts'
import type { Attempt } from './attempt.ts'
import type { ExchangeRequest } from './exchange-request.ts'

/** Learns what endpoints lack, so that requests are spared it. */
export interface LackKnowledge {
  /** @param words the endpoint's own, fit to be shown; '' where it has none */
  path(target: RoutedEndpoint, path: string, serves: boolean, words?: string): void
  /** An endpoint says that it does not have a model that its list has. */
  model(slot: number): void
}

/** What an endpoint does not have that a request asked it for. */
export interface LackingAnswer {
  readonly missing: Missing
  readonly failure: AttemptFailure
  /** That was asked for. */
  readonly path: string
  readonly words: string
}

/** Largest error that is unpacked; it is only looked at. */
const mostUnpackedBytes = 262_144
const longestWords = 160

/** Whether an answer may say that the endpoint lacks what it was asked for, so that it is worth reading. */
export function mayLack(method: string, path: string, { statusCode }: UpstreamHead): boolean {
  if (!saysMissing(statusCode)) return false
  const operation = operationOf(path)
  return operation.isInference && !managesEndpoint(method, operation)
}

/**
 * Reads an answer that `mayLack`.
 * @returns undefined where it turns the request itself down
 */
export function lackingAnswer(
  method: string,
  requestPath: string,
  { variant }: Attempt,
  { statusCode, headers }: UpstreamHead,
  body: Buffer,
): LackingAnswer | undefined {
  const path = variant?.path ?? requestPath
  const text = unpacked(body, headerValue(headers, 'content-encoding'))
  const missing = readMissing({ path, statusCode, text })
  if (missing === 'request') return undefined
  // A route that takes no GET may well take a POST.
  const isPath = missing === 'path' && (variant?.method ?? method) === 'POST'
  return {
    missing: missing === 'path' && !isPath ? 'unsure' : missing,
    failure: { kind: 'path_missing', statusCode, detail: isPath ? undefined : `status ${statusCode}` },
    path,
    words: text === undefined ? '' : wordsOf(text),
  }
}

/** Whether an endpoint that was asked by guess lacks a model that others are known to have. */
export function isGuess(
  { target }: Attempt,
  { missing }: LackingAnswer,
  { routing }: ExchangeRequest,
): boolean {
  return missing === 'model' && target.nativeModel === undefined && routing.knowledge === 'found'
}

/** What the endpoints of one request have said that they lack. */
export class RequestLack {
  readonly #knowledge: LackKnowledge | undefined
  readonly #request: ExchangeRequest
  #paths: { readonly attempt: Attempt; readonly words: string }[] | undefined

  constructor(knowledge: LackKnowledge | undefined, request: ExchangeRequest) {
    this.#knowledge = knowledge
    this.#request = request
  }

  add(attempt: Attempt, { missing, path, words }: LackingAnswer): void {
    const { target } = attempt
    const { endpoint, nativeModel } = target
    if (missing === 'path') {
      // A version or the like in the query may be what is not known.
      if (this.#request.query === '') this.#knowledge?.path(target, path, false, words)
      this.#paths ??= []
      this.#paths.push({ attempt, words })
    } else if (missing === 'model' && nativeModel !== undefined) {
      this.#knowledge?.model(endpoint.slot)
    }
  }

  /** A good status, and an error that says that there is no such path. */
  addPath(attempt: Attempt, body: Buffer | undefined): void {
    const path = attempt.variant?.path ?? this.#request.path
    const words = body === undefined ? '' : wordsOf(body.toString())
    this.add(attempt, { missing: 'path', failure: { kind: 'path_missing' }, path, words })
  }

  /** Whether an attempt has found that its endpoint does not have the path. */
  isOfPath(attempt: Attempt): boolean {
    return this.#paths?.some((each) => each.attempt === attempt) === true
  }

  /** An endpoint has given a good answer, so it has the path. */
  served({ target, variant }: Attempt): void {
    this.#knowledge?.path(target, variant?.path ?? this.#request.path, true)
  }

  /** The error for a request whose path no endpoint has; undefined where some attempt has failed otherwise. */
  error(): GatewayError | undefined {
    const paths = this.#paths
    const { context, path, routing } = this.#request
    if (paths === undefined || paths.length < context.attemptCount) return undefined
    const asked = new Map(paths.map(({ attempt, words }) => [attempt.target.endpoint, words]))
    const endpoints = [...asked.keys(), ...(routing.lackPath ?? [])]
    tellRoute(context, { strategy: context.routingStrategy, decision: 'rejected', reason: pathNotServed })
    return pathError(endpoints, { model: context.model, path, wordsOf: (endpoint) => asked.get(endpoint) })
  }
}

function wordsOf(text: string): string {
  if (text.trimStart().startsWith('<')) return ''
  const [first = ''] = errorText(text).split(' . ')
  const line = first
    .slice(0, longestWords)
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  return /^code: \d+$/.test(line) ? '' : line.replace(/\.$/, '')
}

function unpacked(body: Buffer, encoding: string | undefined): string | undefined {
  const options = { maxOutputLength: mostUnpackedBytes }
  try {
    switch (encoding?.toLowerCase()) {
      case undefined:
      case 'identity':
        return body.toString()
      case 'gzip':
      case 'x-gzip':
      case 'deflate':
        return unzipSync(body, options).toString()
      case 'br':
        return brotliDecompressSync(body, options).toString()
      case 'zstd':
        return zstdDecompressSync(body, options).toString()
      default:
        return undefined
    }
  } catch {
    return undefined
  }
}
