import type { Agenda } from '../affinity/fleet.ts'
import type { Engine } from './engine.ts'

interface EngineView {
  running: number
  waiting: number
  kvUsed: number
  models: ReadonlySet<string>
  ownAtReading: number
  atMs: number
}

/** What a gateway knows of engines: the last reading of their metrics and models, and its own requests. */
export class FleetView {
  readonly #engines: readonly Engine[]
  readonly #agenda: Agenda
  readonly #inFlight: readonly number[]
  readonly #views: EngineView[]
  /** Whether an endpoint was reachable when it was used or probed last. */
  readonly isUp: boolean[]
  /** Changes with the models in memory. */
  modelsVersion = 0

  constructor(engines: readonly Engine[], agenda: Agenda, inFlight: readonly number[]) {
    this.#engines = engines
    this.#agenda = agenda
    this.#inFlight = inFlight
    this.isUp = engines.map(() => true)
    this.#views = engines.map(() => ({
      running: 0,
      waiting: 0,
      kvUsed: 0,
      models: new Set<string>(),
      ownAtReading: 0,
      atMs: 0,
    }))
    for (const slot of engines.keys()) this.read(slot)
  }

  read(slot: number): void {
    const engine = this.#engines[slot]
    const view = this.#views[slot]
    if (engine === undefined || view === undefined || !engine.isUp) return
    view.running = engine.running
    view.waiting = engine.waiting
    view.kvUsed = engine.kvUsed
    view.ownAtReading = this.#inFlight[slot] ?? 0
    view.atMs = this.#agenda.nowMs
    const models = new Set(engine.spec.models.flatMap(({ name }) => (engine.hasLoaded(name) ? [name] : [])))
    if (models.size === view.models.size && [...models].every((each) => view.models.has(each))) return
    view.models = models
    this.modelsVersion++
  }

  hasModel(slot: number, model: string): boolean {
    return this.#views[slot]?.models.has(model) === true
  }

  running(slot: number): number {
    return this.#views[slot]?.running ?? 0
  }

  waiting(slot: number): number {
    return this.#views[slot]?.waiting ?? 0
  }

  kvUsed(slot: number): number {
    return this.#views[slot]?.kvUsed ?? 0
  }

  /** Requests in the engine that this gateway did not send. */
  others(slot: number): number {
    const view = this.#views[slot]
    return view === undefined ? 0 : Math.max(0, view.running + view.waiting - view.ownAtReading)
  }

  ageMs(slot: number): number {
    return this.#agenda.nowMs - (this.#views[slot]?.atMs ?? 0)
  }
}
