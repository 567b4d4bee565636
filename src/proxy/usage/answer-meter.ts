import { FirstBytes } from '../../dialects/usage/first-bytes.ts'
import { LastBytes } from '../../dialects/usage/last-bytes.ts'
import type { StreamMeter } from '../../dialects/usage/stream-meter.ts'
import type { UsageReader } from '../../dialects/usage/usage-reader.ts'
import type { RelayObserver } from '../contract/answer-observer.ts'
import type { RequestResult } from '../contract/context.ts'
import type { AnswerFigures } from '../contract/request-record.ts'

/** Bytes at the end of a JSON answer that are read: the usage follows the generated text. */
const tailBytes = 8_192
/** Bytes at its beginning, if the usage may precede the text. */
const headBytes = 4_096

/** Reads one answer as it passes and records in the request's result, at its end, the figures that it reports. */
export class AnswerMeter implements AnswerFigures, RelayObserver {
  readonly #result: RequestResult
  readonly #usage: UsageReader
  readonly #stream: StreamMeter | undefined
  readonly #tail: LastBytes | undefined
  readonly #head: FirstBytes | undefined
  isCounted = false
  cachedTokens: number | undefined
  reasoningTokens: number | undefined
  audioSeconds: number | undefined
  loadMs: number | undefined
  promptMs: number | undefined
  generationMs: number | undefined
  tokensPerSecond: number | undefined
  interTokenMs: number | undefined

  /**
   * @param stream undefined if the answer is a single JSON text
   * @param readsHead whether such a text may report its usage at its beginning too
   */
  constructor(result: RequestResult, usage: UsageReader, stream: StreamMeter | undefined, readsHead = false) {
    this.#result = result
    this.#usage = usage
    this.#stream = stream
    this.#tail = stream === undefined ? new LastBytes(tailBytes) : undefined
    this.#head = stream === undefined && readsHead ? new FirstBytes(headBytes) : undefined
  }

  get contentEvents(): number | undefined {
    return this.#stream?.events
  }

  get firstTokenMs(): number | undefined {
    return this.#stream?.firstMs
  }

  get interTokenMaxMs(): number | undefined {
    return this.#stream?.maxGapMs
  }

  push(chunk: Buffer): void {
    if (this.#stream !== undefined) this.#stream.push(chunk)
    else {
      this.#tail?.push(chunk)
      this.#head?.push(chunk)
    }
  }

  end(): void {
    const usage = this.#usage
    const result = this.#result
    this.#stream?.end()
    if (this.#head !== undefined) usage.read(this.#head.peek())
    if (this.#tail !== undefined) usage.read(this.#tail.take())
    result.promptTokens ??= usage.get('promptTokens')
    result.completionTokens ??= usage.get('completionTokens')
    this.#countEvents()
    this.cachedTokens = usage.get('cachedTokens')
    this.reasoningTokens = usage.get('reasoningTokens')
    if (this.#head !== undefined) this.audioSeconds = usage.get('audioSeconds')
    this.loadMs = usage.get('loadMs')
    this.promptMs = usage.get('promptMs')
    this.#time(result.completionTokens, usage.get('generationMs'))
  }

  /** Estimates the tokens of a stream that ended early or reports no usage: about one token per event. */
  #countEvents(): void {
    const events = this.#stream?.events ?? 0
    if (this.#result.completionTokens !== undefined || events === 0) return
    this.#result.completionTokens = events
    this.isCounted = true
  }

  /** The endpoint's own timing, if reported, is more accurate than the arrival of its tokens. */
  #time(completionTokens: number | undefined, reportedMs: number | undefined): void {
    const events = this.#stream?.events ?? 0
    const spanMs = this.#stream?.spanMs
    // Between the first token and the last there is one gap fewer than tokens.
    const gaps = Math.max(completionTokens ?? 0, events) - 1
    if (spanMs !== undefined) this.interTokenMs = spanMs / gaps
    if (reportedMs !== undefined && reportedMs > 0) {
      this.generationMs = reportedMs
      if (completionTokens !== undefined) this.tokensPerSecond = (completionTokens * 1000) / reportedMs
    } else if (spanMs !== undefined && spanMs > 0) {
      this.tokensPerSecond = (gaps * 1000) / spanMs
      this.generationMs = ((gaps + 1) * 1000) / this.tokensPerSecond
    }
  }
}
