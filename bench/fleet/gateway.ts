import { parseConfig } from '../../src/config/load.ts'
import { sectionOptions } from '../../src/config/options/sections.ts'
import { buildEndpoints } from '../../src/endpoints/registry/build.ts'
import { buildTables } from '../../src/kernel/cells/layout.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import type { PendingWork } from '../../src/routing/estimate/estimator.ts'
import { lineCells } from '../../src/routing/line/line-cells.ts'
import type { LineOptions } from '../../src/routing/line/line-contract.ts'
import { type LineTicket, type LineWaiter, laneOf } from '../../src/routing/line/line-ticket.ts'
import { WaitingLine } from '../../src/routing/line/waiting-line.ts'
import type { RoutedEndpoint } from '../../src/routing/models/routing.ts'
import { type ReservedShares, usablePlaces } from '../../src/routing/selection/place-reserve.ts'
import type { EndpointLoad } from '../../src/routing/selection/selector.ts'
import { LocalLink } from '../../src/runtime/links/local-link.ts'
import type { Agenda } from '../affinity/fleet.ts'
import type { Ask } from './ask.ts'
import type { Engine } from './engine.ts'
import type { FleetPolicy, NamedPolicy } from './policies.ts'
import { promptTokens } from './prefix-cache.ts'
import { capacities, seededPlace } from './seeded-place.ts'
import { FleetView } from './view.ts'

const probeMs = 5_000
const retryMs = 250
/** A request that no endpoint could serve for so long fails. */
const patienceMs = 120_000
/** Of an answer, for the line. */
const usualAnswerTokens = 256

/** The gateway's defaults, except for the number of waiting requests and their patience. */
const lineOptions: LineOptions = {
  maxWaiting: 100_000,
  maxWaitingPerModel: 0,
  maxBytes: 0,
  maxBytesPerModel: 0,
  isFair: true,
  riseMs: 10_000,
  swapBatch: 8,
  swapBatchWaitMs: 20_000,
}

/** What became of a request. */
export interface Finished {
  readonly ask: Ask
  readonly startedMs: number
  readonly firstTokenMs: number
  readonly totalMs: number
  readonly slot: number
  /** Estimated time to the first token, from when it was sent, and the true one; undefined without estimates. */
  readonly estimate: { readonly estimatedMs: number; readonly trueMs: number } | undefined
}

interface Pending extends LineWaiter {
  readonly ask: Ask
  readonly startedMs: number
  excluded: Set<number> | undefined
  /** Endpoint at which it may use reserved places. */
  openSlot: number | undefined
}

/** A gateway in virtual time: chooses by a policy, fails over, and lets requests wait if it has a line. */
export class SimulatedGateway {
  readonly #agenda: Agenda
  readonly #engines: readonly Engine[]
  readonly #endpoints: ReturnType<typeof buildEndpoints>
  readonly #policy: FleetPolicy
  readonly #inFlight: number[]
  readonly #view: FleetView
  readonly #line: WaitingLine | undefined
  readonly #lists = new Map<string, readonly RoutedEndpoint[]>()
  #listsVersion = -1
  readonly finished: Finished[] = []
  failed = 0
  attempts = 0

  constructor(agenda: Agenda, engines: readonly Engine[], policy: NamedPolicy, random: () => number) {
    this.#agenda = agenda
    this.#engines = engines
    const limits = engines.map(({ spec }) => (policy.hasLine ? spec.maxConcurrent : 0))
    this.#endpoints = endpointsOf(engines, limits)
    this.#inFlight = engines.map(() => 0)
    this.#view = new FleetView(engines, agenda, this.#inFlight)
    const clock: Clock = {
      nowMs: () => agenda.nowMs,
      monotonicMs: () => agenda.nowMs,
      after: () => ({ cancel() {} }),
    }
    const load: EndpointLoad = {
      inFlight: (slot) => this.#inFlight[slot] ?? 0,
      share: () => 1,
      penalty: () => 0,
      admits: ({ endpoint: { slot } }) => this.#admits(slot),
    }
    this.#limits = limits
    this.#reserved = policy.line?.reserved
    this.#policy = policy.create({ clock, load, view: this.#view, random, engines })
    if (policy.hasLine) {
      const link = new LocalLink((error) => {
        throw error
      })
      this.#line = new WaitingLine(
        { ...lineOptions, ...policy.line },
        {
          ...buildTables(lineCells.kinds(capacities), seededPlace()),
          clock,
          link,
          random,
          hasPlace: (slot, share) => this.#hasPlace(slot, share),
          mustSwap: (slot, left, model) => left !== model && engines[slot]?.hasLoaded(model) === false,
        },
      )
    }
    for (const slot of engines.keys()) this.#read(slot, policy.readingMs, random() * policy.readingMs)
  }

  readonly #limits: readonly number[]
  readonly #reserved: ReservedShares
  #isOver = false

  /** Ends the readings, so that the agenda can run empty. */
  stop(): void {
    this.#isOver = true
  }

  submit(ask: Ask): void {
    const pending: Pending = {
      ask,
      startedMs: this.#agenda.nowMs,
      excluded: undefined,
      openSlot: undefined,
      wants: (slot) =>
        this.#engines[slot]?.spec.models.some(({ name }) => name === ask.model) === true &&
        pending.excluded?.has(slot) !== true,
      wake: (openSlot) => {
        pending.openSlot = openSlot
        this.#try(pending)
        pending.openSlot = undefined
      },
      ticket: () => this.#ticketOf(ask),
    }
    this.#try(pending)
  }

  #ticketOf(ask: Ask): LineTicket {
    return {
      id: '',
      lane: laneOf([{ candidates: this.#candidatesFor(ask.model) }], ask.model),
      flow: ask.caller,
      priority: ask.priority ?? 1,
      weight: 1,
      tokens: promptTokens(ask.prompt) + usualAnswerTokens,
      bytes: 0,
      about: { serial: 0, client: ask.caller, keyId: undefined, session: undefined, model: ask.model },
    }
  }

  #admits(slot: number): boolean {
    const limit = this.#limits[slot] ?? 0
    return this.#view.isUp[slot] === true && (limit === 0 || (this.#inFlight[slot] ?? 0) < limit)
  }

  #hasPlace(slot: number, share: number): boolean {
    const limit = this.#limits[slot] ?? 0
    return limit === 0 || (this.#inFlight[slot] ?? 0) < usablePlaces(limit, share)
  }

  /** Endpoints that a request may not use now: those that failed, and those that have only reserved places. */
  #excludedFor({ ask, excluded, openSlot }: Pending): ReadonlySet<number> | undefined {
    const share = this.#reserved?.[ask.priority ?? 1] ?? 0
    if (share === 0) return excluded
    const shut = [...this.#engines.keys()].filter((slot) => slot !== openSlot && !this.#hasPlace(slot, share))
    return new Set([...(excluded ?? []), ...shut])
  }

  #read(slot: number, everyMs: number, inMs: number): void {
    this.#agenda.plan(this.#agenda.nowMs + inMs, () => {
      this.#view.read(slot)
      if (!this.#isOver) this.#read(slot, everyMs, everyMs)
    })
  }

  #candidatesFor(model: string): readonly RoutedEndpoint[] {
    if (this.#listsVersion !== this.#view.modelsVersion) {
      this.#listsVersion = this.#view.modelsVersion
      this.#lists.clear()
    }
    let list = this.#lists.get(model)
    if (list === undefined) {
      list = this.#endpoints.flatMap((endpoint, slot) => {
        const models = this.#engines[slot]?.spec.models ?? []
        if (!models.some(({ name }) => name === model)) return []
        const isWarm = this.#view.hasModel(slot, model)
        return [{ endpoint, nativeModel: model, sentModel: undefined, isWarm, abilities: undefined }]
      })
      this.#lists.set(model, list)
    }
    return list
  }

  #try(pending: Pending): void {
    const { ask } = pending
    const target = this.#policy.choose(ask, this.#candidatesFor(ask.model), this.#excludedFor(pending))
    if (target !== undefined) {
      this.#send(pending, target)
      return
    }
    if (this.#agenda.nowMs - pending.startedMs > patienceMs && !this.#anyUp(ask.model)) {
      this.failed++
      ask.onEnd()
      return
    }
    if (this.#line !== undefined && this.#anyUp(ask.model)) {
      pending.excluded = undefined
      this.#line.enter(pending)
      return
    }
    this.#agenda.plan(this.#agenda.nowMs + retryMs, () => {
      pending.excluded = undefined
      this.#try(pending)
    })
  }

  #anyUp(model: string): boolean {
    return this.#candidatesFor(model).some(({ endpoint }) => this.#view.isUp[endpoint.slot] === true)
  }

  #send(pending: Pending, target: RoutedEndpoint): void {
    const { ask } = pending
    const { slot } = target.endpoint
    this.#line?.served(pending, slot)
    this.#inFlight[slot] = (this.#inFlight[slot] ?? 0) + 1
    this.attempts++
    const sentMs = this.#agenda.nowMs
    const work: PendingWork | undefined = this.#policy.sent?.(ask, target)
    let firstMs = 0
    let cached = 0
    this.#engines[slot]?.submit({
      prompt: ask.prompt,
      model: ask.model,
      answerTokens: ask.answerTokens,
      answered: ask.answered,
      onFirstToken: (cachedTokens) => {
        firstMs = this.#agenda.nowMs
        cached = cachedTokens
        this.#policy.firstToken?.(ask, target, work)
      },
      onEnd: () => {
        const nowMs = this.#agenda.nowMs
        const firstTokenMs = firstMs - sentMs
        this.#policy.ended?.(ask, target, work, {
          cachedTokens: cached,
          firstTokenMs,
          totalMs: nowMs - sentMs,
        })
        this.finished.push({
          ask,
          startedMs: pending.startedMs,
          firstTokenMs: firstMs - pending.startedMs,
          totalMs: nowMs - pending.startedMs,
          slot,
          estimate:
            work === undefined ? undefined : { estimatedMs: work.estimate.totalMs, trueMs: firstTokenMs },
        })
        this.#release(slot, ask.model)
        ask.onEnd()
      },
      onFailure: () => {
        this.#policy.failed?.(target, work)
        this.#isDown(slot)
        this.#release(slot, ask.model)
        pending.excluded = (pending.excluded ?? new Set()).add(slot)
        // As in the gateway, the next attempt begins after the failed one has ended.
        this.#agenda.plan(this.#agenda.nowMs, () => this.#try(pending))
      },
    })
  }

  #release(slot: number, model: string): void {
    this.#inFlight[slot] = (this.#inFlight[slot] ?? 0) - 1
    this.#line?.released(slot, model)
  }

  #isDown(slot: number): void {
    if (this.#view.isUp[slot] === false) return
    this.#view.isUp[slot] = false
    const probe = () => {
      if (this.#engines[slot]?.isUp === true) {
        this.#view.isUp[slot] = true
        this.#line?.changed()
      } else if (!this.#isOver) this.#agenda.plan(this.#agenda.nowMs + probeMs, probe)
    }
    this.#agenda.plan(this.#agenda.nowMs + probeMs, probe)
  }
}

function endpointsOf(engines: readonly Engine[], limits: readonly number[]) {
  const { discovery, proxy } = parseConfig({
    discovery: {
      static: {
        endpoints: engines.map(({ spec }, at) => ({
          url: `http://127.0.0.1:${9_000 + at}`,
          name: spec.name,
          type: 'auto',
          max_concurrent: limits[at],
          // Only that there are some: the view stands in for the readings.
          signals: [{ path: '/metrics', running: ['running'] }],
        })),
      },
    },
  })
  return buildEndpoints(discovery.static.endpoints, {
    profile: () => undefined,
    proxy: sectionOptions('proxy', proxy),
  })
}
