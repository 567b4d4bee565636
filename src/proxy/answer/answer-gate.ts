import type { SectionOptions } from '../../config/options/sections.ts'
import {
  type AnswerJudge,
  BeginningJudge,
  firstChunkIsGood,
} from '../../dialects/answers/answer-beginning.ts'
import { answerFormOf } from '../../dialects/answers/form-finder.ts'
import { isPlainAnswer, type Judgement, judgeWhole } from '../../dialects/answers/whole-answer.ts'
import type { BadAnswer } from '../../dialects/errors/bad-answer.ts'
import { readContextLimit } from '../../dialects/errors/context-limit.ts'
import { reportsMissingPath } from '../../dialects/errors/error-object.ts'
import type { RequestVariant } from '../../dialects/variants/request-variant.ts'
import type { AttemptFailure } from '../../endpoints/connections/failure.ts'
import { framingIn, headerValue, type UpstreamHead } from '../../http/headers/response-headers.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import { mayLack } from './lacking-answer.ts'

/** Maximum time to hold back an undecided start of an answer that is not a stream. */
const maxHeldMs = 250
/** Maximum bytes of an error that are read before the request is sent in another form. */
const maxErrorBytes = 65_536
/** In each API that the endpoint may have, with usage requested, shorter: each is a separate form of a request. */
const maxForms = 6
const openBrace = 0x7b
const noBytes: Buffer = Buffer.alloc(0)
/** Head for an invalid answer without an error message. */
const noAnswer: UpstreamHead = { statusCode: 502, headers: [] }

/** How long a stream is held back that has had no content. */
type GateOptions = Pick<SectionOptions<'proxy'>, 'firstContentWaitMs'>

/** The part of an attempt that a gate reads and sets. */
export interface GatedAttempt {
  readonly variant: RequestVariant | undefined
  /** When the first byte of its answer arrived; monotonic milliseconds. */
  readonly answeredMs: number | undefined
  /** How many other forms of the request its endpoint refused. */
  readonly refusedForms: number
  gate: AnswerGate | undefined
}

/** Holds back the start of an answer until the judge has decided whether it is valid. */
export class AnswerGate {
  readonly chunks: Buffer[] = []
  /** Monotonic milliseconds from which it passes undecided. */
  readonly releaseMs: number
  /** Undefined for an error, which is collected. */
  readonly #judge: AnswerJudge | undefined
  #bytes = 0

  constructor(judge: AnswerJudge | undefined, releaseMs: number) {
    this.#judge = judge
    this.releaseMs = releaseMs
  }

  /** Whether it holds an error, which is read to its end. */
  get isError(): boolean {
    return this.#judge === undefined
  }

  /** The bytes received so far; of an error, all of them. */
  get body(): Buffer {
    return Buffer.concat(this.chunks)
  }

  push(chunk: Buffer): Judgement {
    this.chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#judge !== undefined) return this.#judge.push(chunk)
    return this.#bytes > maxErrorBytes ? 'good' : 'undecided'
  }

  /** The answer is complete. */
  end(): Judgement {
    return this.#judge?.end() ?? 'good'
  }
}

/**
 * Whether an answer that has not started for the client can pass.
 * @param chunk its next bytes; undefined if it is complete
 */
export function judge(
  { method, path }: Pick<ExchangeRequest, 'method' | 'path'>,
  attempt: GatedAttempt,
  head: UpstreamHead | undefined,
  chunk: Buffer | undefined,
  options: GateOptions,
): Judgement {
  if (head === undefined) return 'good'
  attempt.gate ??= gateFor(method, path, attempt, head, chunk ?? noBytes, options)
  const { gate } = attempt
  if (gate === undefined) return 'good'
  return chunk === undefined ? gate.end() : gate.push(chunk)
}

/** Another form of a request whose last form was refused, by an error or by an invalid answer. */
export function otherForm(
  { refusedForms, variant }: GatedAttempt,
  gate: AnswerGate | undefined,
  head: UpstreamHead | undefined,
  bad: BadAttempt | undefined,
): RequestVariant | undefined {
  if (refusedForms >= maxForms || variant?.onRefusal === undefined) return undefined
  if (bad?.isEmpty === true) return undefined
  if (bad !== undefined)
    return variant.onRefusal(bad.reported?.head ?? noAnswer, bad.reported?.body ?? noBytes)
  if (head === undefined || head.statusCode < 400) return undefined
  return variant.onRefusal(head, gate?.body ?? noBytes)
}

/** @returns undefined if the answer can pass */
function gateFor(
  method: string,
  requestPath: string,
  { variant, answeredMs = 0 }: GatedAttempt,
  { statusCode, headers }: UpstreamHead,
  chunk: Buffer,
  { firstContentWaitMs }: GateOptions,
): AnswerGate | undefined {
  if (statusCode >= 400) {
    const isRead =
      variant?.onRefusal !== undefined ||
      mayLack(method, variant?.path ?? requestPath, { statusCode, headers })
    return isRead ? new AnswerGate(undefined, Number.POSITIVE_INFINITY) : undefined
  }
  if (statusCode >= 300) return undefined
  const form = answerFormOf(variant?.method ?? method, variant?.path ?? requestPath)
  if (form === undefined) return undefined
  if (statusCode === 204) return new AnswerGate(new BeginningJudge(form, 'json'), answeredMs + maxHeldMs)
  const framing = framingIn(headers)
  if (framing === 'other' || isEncoded(headers)) return undefined
  // The first bytes are enough for most answers.
  if (framing === 'json' && chunk[0] === openBrace) {
    if (isPlainAnswer(form, chunk) || judgeWhole(chunk, false) === 'good') return undefined
  }
  if (framing === 'sse' && firstChunkIsGood(form, chunk)) return undefined
  const isStream = framing !== 'json' && form.stream !== undefined
  return new AnswerGate(
    new BeginningJudge(form, framing),
    answeredMs + (isStream ? firstContentWaitMs : maxHeldMs),
  )
}

function isEncoded(headers: readonly string[]): boolean {
  const encoding = headerValue(headers, 'content-encoding')
  return encoding !== undefined && encoding.toLowerCase() !== 'identity'
}

/** An invalid answer, converted to an error with the status that it should have had. */
export interface ReportedError {
  readonly head: UpstreamHead
  readonly body: Buffer
}

/** What an invalid answer means for the request. */
export interface BadAttempt {
  readonly failure: AttemptFailure
  /** The endpoint's error to relay to the client; undefined if it has none. */
  readonly reported: ReportedError | undefined
  /** Whether the request itself is at fault. */
  readonly isRequests: boolean
  /** Whether it is a complete answer without content. */
  readonly isEmpty?: boolean | undefined
}

export function badAttempt(
  { reason, error, body, whole, isEmpty }: BadAnswer,
  given: UpstreamHead | undefined,
  gate: AnswerGate | undefined,
): BadAttempt {
  if (isEmpty === true && given !== undefined) {
    const failure: AttemptFailure = { kind: 'bad_answer', detail: reason }
    return { failure, reported: { head: given, body: gate?.body ?? noBytes }, isRequests: false, isEmpty }
  }
  if (error === undefined)
    return { failure: { kind: 'bad_answer', detail: reason }, reported: undefined, isRequests: false }
  const isPath = reportsMissingPath(error)
  const isFull =
    body !== undefined && (error.statusCode ?? 500) >= 500 && readContextLimit(body) !== undefined
  const statusCode = isPath ? 404 : isFull ? 400 : error.statusCode
  const detail = error.message === '' ? reason : `${reason}: ${oneLine(error.message)}`
  const head = {
    statusCode: whole === undefined ? (statusCode ?? 502) : 200,
    headers: ['Content-Type', 'application/json; charset=utf-8'],
  }
  const text = whole ?? body
  return {
    failure: isPath ? { kind: 'path_missing', statusCode } : { kind: 'bad_answer', statusCode, detail },
    reported: {
      head,
      body: text === undefined ? noBytes : Buffer.from(text),
    },
    isRequests: !isPath && statusCode !== undefined && statusCode < 500,
  }
}

/** Maximum characters of an endpoint's message that are included in the gateway's own. */
const maxDetailLength = 160

function oneLine(message: string): string {
  const line = message
    .slice(0, maxDetailLength)
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  return message.length > maxDetailLength ? `${line}…` : line
}
