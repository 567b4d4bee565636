import type { Clock } from '../../../../kernel/clock.ts'
import { GatewayError } from '../../../../kernel/errors.ts'
import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { PeerLink, Topic } from '../../../../runtime/links/peer-link.ts'
import type { AnswerSink } from '../../../contract/answer-sink.ts'
import { type BackgroundEvents, BackgroundRun, type BackgroundView } from './background-run.ts'

export interface BackgroundParts {
  readonly clock: Pick<Clock, 'nowMs' | 'after'>
  readonly peers: Pick<PeerLink, 'requestAll' | 'on' | 'threads'>
  /** Maximum number of responses at a time, and of the memory of their requests and events; of this thread. */
  readonly maxRuns: number
  readonly maxBytes: number
  readonly newId: (prefix: string) => string
  /** Stores a response that is over. */
  keep(run: BackgroundRun): Promise<void>
}

/**
 * Sends a request that no client waits for.
 * @returns ends it
 * @throws GatewayError if the gateway refuses it at once
 */
export type Launch = (body: Buffer, id: string, sink: AnswerSink) => () => void

/** The request for a response in the background. */
export interface NewBackground {
  /** As stored: with its references replaced. */
  readonly own: JsonObject
  /** As sent: with all that it continues. */
  readonly body: Buffer
  readonly owner: string | undefined
  /** Called when the response is over and has been stored, at least once. */
  readonly whenOver?: (() => void) | undefined
}

export interface RunName {
  readonly id: string
  readonly owner: string | undefined
}

export interface RunFollow extends RunName {
  readonly after: number
}

export interface RunEnd extends RunName {
  readonly isForgotten: boolean
}

/** What threads ask one another, and replicas too. */
export const runReadTopic: Topic<RunName, BackgroundView | undefined> = 'replica:background-responses:read'
export const runFollowTopic: Topic<RunFollow, BackgroundEvents | undefined> =
  'replica:background-responses:follow'
export const runEndTopic: Topic<RunEnd, BackgroundView | undefined> = 'replica:background-responses:end'

/** How long one read waits for the next event. */
export const followMs = 5_000
const retryAfterSeconds = 5

/** The responses that this thread makes in the background; all threads find each other's. */
export class BackgroundRuns {
  readonly #parts: BackgroundParts
  readonly #runs = new Map<string, BackgroundRun>()
  readonly #forgotten = new WeakSet<BackgroundRun>()
  /** Responses that are over, while they are being stored. */
  readonly #storing = new Set<Promise<void>>()
  #bytes = 0

  constructor(parts: BackgroundParts) {
    this.#parts = parts
  }

  get isOn(): boolean {
    return this.#parts.maxRuns > 0
  }

  get size(): number {
    return this.#runs.size
  }

  /** Serves the requests of the other threads. @returns a function that ends it */
  listen(): () => void {
    const ends = [
      this.#parts.peers.on(runReadTopic, (name) => this.#find(name)?.view()),
      this.#parts.peers.on(runFollowTopic, (follow) => this.#followOwn(follow)),
      this.#parts.peers.on(runEndTopic, ({ isForgotten, ...name }) => this.#endOwn(name, isForgotten)),
    ]
    return () => {
      for (const end of ends) end()
    }
  }

  /** @throws GatewayError rate_limited; or the refusal of the request */
  start({ own, body, owner, whenOver }: NewBackground, launch: Launch): BackgroundRun {
    const { maxRuns, maxBytes, newId, clock } = this.#parts
    if (this.#runs.size >= maxRuns || this.#bytes + body.length > maxBytes) {
      throw new GatewayError('rate_limited', 'Too many background responses are in progress.', {
        retryAfterSeconds,
      })
    }
    let heldBytes = 0
    const hold = (bytes: number) => {
      heldBytes += bytes
      this.#bytes += bytes
      return this.#bytes <= maxBytes
    }
    const ended = (run: BackgroundRun) => {
      const stored = this.#ended(run).finally(() => {
        hold(-heldBytes)
        this.#storing.delete(stored)
        whenOver?.()
      })
      this.#storing.add(stored)
    }
    const request = { id: newId('resp'), owner, request: own, nowMs: () => clock.nowMs() }
    const run = new BackgroundRun(request, { hold, ended })
    hold(body.length)
    this.#runs.set(run.id, run)
    try {
      run.started(launch(body, run.id, run))
    } catch (error) {
      this.#forgotten.add(run)
      run.cancel()
      throw error
    }
    const { refusal } = run
    if (refusal === undefined) return run
    this.#forgotten.add(run)
    throw refusal
  }

  /** @returns undefined if no thread has it, so that it is over or unknown */
  async read({ id, owner }: RunName): Promise<BackgroundView | undefined> {
    const { peers } = this.#parts
    const own = this.#find({ id, owner })?.view()
    if (own !== undefined || peers.threads === 1) return own
    const found = await peers.requestAll(runReadTopic, { id, owner })
    return found.find((each) => each !== undefined)
  }

  /**
   * Waits for events after the given one, until there are some, the response is over, or some time has passed.
   * @returns undefined if no thread has it, so that it is over or unknown
   */
  async follow({ id, owner }: RunName, after: number): Promise<BackgroundEvents | undefined> {
    const { peers } = this.#parts
    const own = await this.#followOwn({ id, owner, after })
    if (own !== undefined || peers.threads === 1) return own
    const found = await peers.requestAll(runFollowTopic, { id, owner, after }, followMs + 1_000)
    return found.find((each) => each !== undefined)
  }

  /**
   * Ends the endpoint's work for a response.
   * @param isForgotten whether the response is not kept either
   * @returns undefined if no thread has it
   */
  async end({ id, owner }: RunName, isForgotten: boolean): Promise<BackgroundView | undefined> {
    const found = await this.#parts.peers.requestAll(runEndTopic, { id, owner, isForgotten })
    return found.find((each) => each !== undefined)
  }

  /** Fails the responses that are still being made, and waits until all are stored. */
  async close(): Promise<void> {
    for (const run of [...this.#runs.values()]) run.interrupt()
    await Promise.allSettled(this.#storing)
  }

  async #followOwn({ id, owner, after }: RunFollow): Promise<BackgroundEvents | undefined> {
    const run = this.#find({ id, owner })
    if (run === undefined) return undefined
    await run.changed(after, followMs, this.#parts.clock)
    return run.eventsAfter(after)
  }

  #endOwn(name: RunName, isForgotten: boolean): BackgroundView | undefined {
    const run = this.#find(name)
    if (run === undefined) return undefined
    if (isForgotten) this.#forgotten.add(run)
    run.cancel()
    return run.view()
  }

  #find({ id, owner }: RunName): BackgroundRun | undefined {
    const run = this.#runs.get(id)
    return run?.owner === owner ? run : undefined
  }

  /** The store has it before it is forgotten here, so that it is always found. */
  async #ended(run: BackgroundRun): Promise<void> {
    // The constructor of a run, and its launch, may end it.
    await Promise.resolve()
    if (!this.#forgotten.has(run)) await this.#parts.keep(run)
    this.#runs.delete(run.id)
  }
}
