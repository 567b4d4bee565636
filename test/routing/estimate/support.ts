import type { EngineLoad } from '../../../src/endpoints/engines/engine-signals.ts'
import type { NumberSignal } from '../../../src/endpoints/signals/signal-source.ts'
import { buildTables } from '../../../src/kernel/cells/layout.ts'
import { ownPlace } from '../../../src/kernel/cells/table-place.ts'
import type { Clock } from '../../../src/kernel/clock.ts'
import { estimateCells } from '../../../src/routing/estimate/estimate-cells.ts'
import { type EstimatedSignals, Estimator } from '../../../src/routing/estimate/estimator.ts'
import type { RateSample } from '../../../src/routing/estimate/learned-rates.ts'
import { PrefixIndex, prefixCells } from '../../../src/routing/estimate/prefix-index.ts'
import type { EndpointLoad, RequestFeatures } from '../../../src/routing/selection/selector.ts'

const capacities = { endpoints: 1_200, models: 8 }

/** A clock without timers. */
export class StillClock implements Clock {
  #elapsedMs = 1_000

  nowMs(): number {
    return this.#elapsedMs
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  after(): never {
    throw new Error('estimates have no timers')
  }

  advance(ms: number): void {
    this.#elapsedMs += ms
  }
}

/** Signals that a test writes down: a row per slot; absent ones are unknown. */
export class WrittenSignals implements EstimatedSignals {
  readonly values: Partial<Record<NumberSignal | 'others', number>>[] = []
  readonly ages: number[] = []

  readLoad(slot: number, _nowMs: number, into: EngineLoad): void {
    const values = this.values[slot]
    into.others = values?.others ?? Number.NaN
    into.waiting = values?.waiting ?? Number.NaN
    into.maxRunning = values?.max_running ?? Number.NaN
    into.kvUsed = values?.kv_cache_used ?? Number.NaN
    into.sleeping = values?.sleeping ?? Number.NaN
    into.signalAgeMs = this.ages[slot] ?? (values === undefined ? Number.NaN : 0)
  }
}

/** An estimator with its own cells. */
export function estimatorOver(load: Pick<EndpointLoad, 'inFlight'>, signals?: EstimatedSignals) {
  const clock = new StillClock()
  const cells = buildTables(estimateCells.kinds(capacities), ownPlace())
  const prefixes = new PrefixIndex(clock, buildTables(prefixCells.kinds(capacities), ownPlace()))
  const estimator = new Estimator({ clock, load, signals, cells, prefixes })
  return { clock, cells, estimator }
}

/** The features of a prompt whose prefixes are named. */
export function promptOf(names: readonly string[], bytesEach = 4_000, hasHead = false): RequestFeatures {
  let key = 17
  const keys = [key]
  const sizes = [0]
  for (const name of names) {
    for (const letter of name) key = (key * 31 + letter.charCodeAt(0)) % 9_007_199_254_740
    keys.push(key)
    sizes.push(sizes.length * bytesEach)
  }
  return { promptBytes: names.length * bytesEach, media: 0, keys, sizes, headDepth: hasHead ? 1 : 0, hasHead }
}

const unknown: RateSample = {
  promptTokens: undefined,
  uncachedTokens: undefined,
  promptBytes: undefined,
  busy: 0,
  firstTokenMs: undefined,
  totalMs: undefined,
  answerTokens: undefined,
  tokenGapMs: undefined,
  cachedShare: undefined,
  loadMs: undefined,
}

export function sample(known: Partial<RateSample>): RateSample {
  return { ...unknown, ...known }
}

/** Teaches an estimator that a model on an endpoint takes so long. */
export function teach(
  estimator: Estimator,
  candidate: Parameters<Estimator['rates']['learn']>[0],
  { baseMs, tokenMs, busyMs = 0 }: { baseMs: number; tokenMs: number; busyMs?: number },
  samples = 60,
): void {
  for (let at = 0; at < samples; at++) {
    const tokens = (at * 397) % 4_000
    const busy = at % 5
    estimator.rates.learn(
      candidate,
      sample({
        promptTokens: tokens,
        uncachedTokens: tokens,
        promptBytes: tokens * 4,
        busy,
        firstTokenMs: baseMs + tokens * tokenMs + busy * busyMs,
        totalMs: 4_000,
      }),
    )
  }
}
