import { usageFormOf } from '../../dialects/answers/form-finder.ts'
import { type GapListener, StreamMeter } from '../../dialects/usage/stream-meter.ts'
import { UsageReader } from '../../dialects/usage/usage-reader.ts'
import { unknownUsage } from '../../endpoints/profiles/profile-usage.ts'
import { framingIn, headerValue } from '../../http/headers/response-headers.ts'
import type { HistogramTable } from '../../kernel/cells/histogram-table.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { RelayedAnswer, RelayObserver } from '../contract/answer-observer.ts'
import { AnswerMeter } from './answer-meter.ts'
import type { GapCells } from './gap-cells.ts'

export interface AnswerObserverServices {
  readonly clock: Clock
  readonly cells: GapCells
  /** The row of a model in the cells. */
  readonly modelRow: (model: string) => number
}

/**
 * Returns the engine's `observe`, which creates a meter for every readable answer. Errors report no usage; a compressed
 * answer cannot be read here.
 */
export function createAnswerObserver(
  services: AnswerObserverServices,
): (answer: RelayedAnswer) => RelayObserver | undefined {
  const { clock, cells, modelRow } = services
  return function observe({ context, target, head, path }) {
    if (head.statusCode >= 300) return undefined
    const kind = framingIn(head.headers)
    if (kind !== 'sse' && kind !== 'ndjson' && kind !== 'json') return undefined
    if (headerValue(head.headers, 'content-encoding') !== undefined) return undefined
    const form = usageFormOf(path)
    const { section, standard, isAtStart } = form.usage
    const usage = new UsageReader((target.endpoint.profile?.usage ?? unknownUsage).plan(section, standard))
    const { model, startedAtMs: startedMs } = context
    const row = model === undefined ? undefined : modelRow(model)
    const stream =
      kind === 'json'
        ? undefined
        : new StreamMeter(kind, form, {
            clock,
            startedMs,
            usage,
            gaps: new GapRecorder(cells, target.endpoint.slot, row),
          })
    const meter = new AnswerMeter(context, usage, stream, isAtStart)
    context.answer = meter
    return meter
  }
}

/** Counts the gaps of one stream for its endpoint, its model and the gateway. */
class GapRecorder implements GapListener {
  readonly #total: HistogramTable
  readonly #endpoints: HistogramTable
  readonly #models: HistogramTable
  readonly #slot: number
  readonly #row: number | undefined

  constructor(cells: GapCells, slot: number, row: number | undefined) {
    this.#total = cells.total
    this.#endpoints = cells.endpoints
    this.#models = cells.models
    this.#slot = slot
    this.#row = row
  }

  gap(eachMs: number, count: number): void {
    const bucket = this.#total.bucketOf(eachMs)
    const sumMs = eachMs * count
    this.#total.add(0, bucket, count, sumMs)
    this.#endpoints.add(this.#slot, bucket, count, sumMs)
    if (this.#row !== undefined) this.#models.add(this.#row, bucket, count, sumMs)
  }
}
