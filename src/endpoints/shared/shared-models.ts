import type { ModelState } from '../../cluster/contract/news.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { CircuitBreakers } from '../resilience/circuit-breakers.ts'

export interface SharedModelsOptions {
  readonly clock: Clock
  readonly breakers: CircuitBreakers
}

interface Seen {
  openUntilMs: number
  pausedUntilMs: number
}

const nothing: Seen = { openUntilMs: 0, pausedUntilMs: 0 }
/** Deadlines that differ by less are the same. */
const marginMs = 50
const noModels: ReadonlyMap<string, Seen> = new Map()

/** Circuits and pauses of models on endpoints, as replicas exchange them. */
export class SharedModels {
  readonly #options: SharedModelsOptions
  /** By name of the endpoint, then by model: those that are not closed, or pause. */
  readonly #seen = new Map<string, ReadonlyMap<string, Seen>>()

  constructor(options: SharedModelsOptions) {
    this.#options = options
  }

  /** What has changed since it was last seen. */
  difference(slot: number, name: string): Readonly<Record<string, ModelState>> | undefined {
    const before = this.#seen.get(name) ?? noModels
    const now = this.#now(slot)
    if (now === noModels && before === noModels) return undefined
    this.#remember(name, now)
    const nowMs = this.#options.clock.monotonicMs()
    const states: Record<string, ModelState> = {}
    let isDifferent = false
    for (const model of new Set([...before.keys(), ...now.keys()])) {
      const was = before.get(model) ?? nothing
      const is = now.get(model) ?? nothing
      const isCircuit =
        (is.openUntilMs === 0) !== (was.openUntilMs === 0) || is.openUntilMs > was.openUntilMs + marginMs
      const isPause = is.pausedUntilMs > was.pausedUntilMs + marginMs
      if (!isCircuit && !isPause) continue
      isDifferent = true
      states[model] = {
        ...(isCircuit ? { openForMs: left(is.openUntilMs, nowMs) } : {}),
        ...(isPause ? { pauseMs: left(is.pausedUntilMs, nowMs) } : {}),
      }
    }
    return isDifferent ? states : undefined
  }

  /** All that a replica which joins needs to know; undefined if that is nothing. */
  whole(slot: number): Readonly<Record<string, ModelState>> | undefined {
    const now = this.#now(slot)
    if (now.size === 0) return undefined
    const nowMs = this.#options.clock.monotonicMs()
    const states = [...now].map(([model, { openUntilMs, pausedUntilMs }]) => [
      model,
      { openForMs: left(openUntilMs, nowMs), pauseMs: left(pausedUntilMs, nowMs) },
    ])
    return Object.fromEntries(states)
  }

  /** Applies what another replica has seen. @param by ID of the replica */
  apply(slot: number, name: string, states: Readonly<Record<string, ModelState>>, by: string): void {
    const { breakers, clock } = this.#options
    const { table } = breakers.modelStates ?? {}
    for (const [nativeModel, { openForMs, pauseMs = 0 }] of Object.entries(states)) {
      const target = { endpoint: { slot }, nativeModel }
      const isKnown = (breakers.modelStates?.find(target) ?? -1) >= 0
      // Closing what is not open needs no row.
      if (!isKnown && (openForMs ?? 0) === 0 && pauseMs === 0) continue
      const breaker = breakers.ofModel(target)
      if (breaker === undefined || table === undefined) continue
      if (openForMs === 0) breaker.recover()
      else if (openForMs !== undefined) breaker.adopt(openForMs, `seen by replica ${by}`)
      const row = table.find(slot, nativeModel)
      if (pauseMs > 0 && row >= 0)
        table.pausedUntilMs[row] = Math.max(table.pausedUntilMs[row] ?? 0, clock.monotonicMs() + pauseMs)
    }
    this.#remember(name, this.#now(slot))
  }

  gone(name: string): void {
    this.#seen.delete(name)
  }

  #remember(name: string, now: ReadonlyMap<string, Seen>): void {
    if (now.size === 0) this.#seen.delete(name)
    else this.#seen.set(name, now)
  }

  #now(slot: number): ReadonlyMap<string, Seen> {
    const { breakers, clock } = this.#options
    const { modelStates } = breakers
    if (modelStates === undefined || modelStates.table.rows(slot).length === 0) return noModels
    const nowMs = clock.monotonicMs()
    const found = new Map<string, Seen>()
    for (const { model, circuit } of breakers.models(slot)) {
      if (circuit.state === 'closed') continue
      const retryInMs = circuit.retryAtMs === undefined ? 0 : circuit.retryAtMs - clock.nowMs()
      found.set(model, { openUntilMs: Math.max(1, nowMs + retryInMs), pausedUntilMs: 0 })
    }
    for (const { model, leftMs } of modelStates.pauses(slot)) {
      const openUntilMs = found.get(model)?.openUntilMs ?? 0
      found.set(model, { openUntilMs, pausedUntilMs: nowMs + leftMs })
    }
    return found.size === 0 ? noModels : found
  }
}

function left(untilMs: number, nowMs: number): number {
  return untilMs === 0 ? 0 : Math.max(0, Math.round(untilMs - nowMs))
}
