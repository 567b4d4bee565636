import type { ServerResponse } from 'node:http'
import type { SimulatorRequest } from './request.ts'

export interface SimulatorCounters {
  readonly requests: number
  /** Without queries. */
  readonly byPath: Readonly<Record<string, number>>
  /** Requests whose client left before the answer was complete; not those that a fault broke. */
  readonly aborts: number
  readonly inFlight: number
  readonly openSockets: number
  /** Generations, which would take GPU time on a real server. */
  readonly generationsStarted: number
  readonly generationsFinished: number
  /** Bytes of request bodies, as received. */
  readonly receivedBytes: number
  /** Requests that a fault affected, by its kind. */
  readonly faults: Readonly<Record<string, number>>
}

const keptRequests = 100
/** Further paths share one counter, so that a scan does not fill the memory. */
const maxCountedPaths = 1000
const otherPaths = '(other)'

/** Counts requests and their outcomes, and keeps the last requests. */
export class Traffic {
  readonly #open = new Set<Passage>()
  readonly #requests: SimulatorRequest[] = []
  readonly #byPath = new Map<string, number>()
  readonly #faults = new Map<string, number>()
  #total = 0
  #aborts = 0
  #receivedBytes = 0
  #generationsStarted = 0
  #generationsFinished = 0

  /** The last requests, oldest first. */
  get requests(): readonly SimulatorRequest[] {
    return this.#requests
  }

  /** Counts a request from its head to the end of its answer. */
  begin(request: SimulatorRequest, response: ServerResponse): Passage {
    const passage = new Passage()
    this.#open.add(passage)
    this.#total++
    const path =
      this.#byPath.size < maxCountedPaths || this.#byPath.has(request.path) ? request.path : otherPaths
    this.#byPath.set(path, (this.#byPath.get(path) ?? 0) + 1)
    this.#requests.push(request)
    if (this.#requests.length > keptRequests) this.#requests.shift()
    response.once('close', () => {
      this.#open.delete(passage)
      this.#generationsStarted += passage.generations
      passage.isClosed = true
      if (response.writableFinished) this.#generationsFinished += passage.generations
      else if (!passage.isBroken) this.#aborts++
    })
    return passage
  }

  /** Generations under way. */
  get generating(): number {
    let sum = 0
    for (const { generations } of this.#open) sum += generations
    return sum
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes
  }

  hit(kind: string): void {
    this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + 1)
  }

  /** The server is about to close all connections itself, so they do not count as aborts. */
  breakAll(): void {
    for (const passage of this.#open) passage.isBroken = true
  }

  counters(openSockets: number): SimulatorCounters {
    return {
      requests: this.#total,
      byPath: Object.fromEntries(this.#byPath),
      aborts: this.#aborts,
      inFlight: this.#open.size,
      openSockets,
      generationsStarted: this.#generationsStarted + this.generating,
      generationsFinished: this.#generationsFinished,
      receivedBytes: this.#receivedBytes,
      faults: Object.fromEntries(this.#faults),
    }
  }
}

/** One request on its way through the simulator. */
export class Passage {
  /** Generations that the request has started. */
  generations = 0
  /** True if the simulator itself ended the request, by a fault or by closing. */
  isBroken = false
  /** True once the response has ended in any way. */
  isClosed = false
}
