import type { Clock, Timer } from '../../kernel/clock.ts'
import type { ClusterPart } from '../cluster.ts'
import { type OpenLink, type RedisLink, ServerAwayError } from '../connection/redis-link.ts'
import { type ScriptCall, ScriptRunner } from '../connection/script-runner.ts'
import { ServerCircuit } from '../connection/server-circuit.ts'

export interface SideLinkOptions {
  readonly clock: Clock
  readonly open: OpenLink
  readonly retryIntervalMs: number
}

/** Maximum time of a lookup for which a request may wait, and of a write, which may be large. */
const lookupMs = 200
const writeMs = 2_000

/**
 * A second connection, for large texts: on the first one they would delay the decisions for which requests wait. It is
 * open while this replica is a member, and after one failure nothing is sent until there is a new connection.
 */
export class SideLink implements ClusterPart {
  readonly #options: SideLinkOptions
  readonly #circuit: ServerCircuit
  readonly #lookups: ScriptRunner
  readonly #writes: ScriptRunner
  #link: RedisLink | undefined
  /** Calls that wait until a new connection is ready. */
  #waiting: ((link: RedisLink) => void)[] = []
  #timer: Timer | undefined
  #isWanted = false

  constructor(options: SideLinkOptions) {
    this.#options = options
    this.#circuit = new ServerCircuit({
      maxFailures: 1,
      onChange: (isOpen) => {
        // A connection that is not ready yet is not the cause.
        if (isOpen && this.#link?.isReady === true) this.#reopen()
      },
    })
    const common = { clock: options.clock, circuit: this.#circuit, link: () => this.#ready() }
    this.#lookups = new ScriptRunner({ ...common, timeoutMs: lookupMs })
    this.#writes = new ScriptRunner({ ...common, timeoutMs: writeMs })
  }

  joined(): void {
    this.#isWanted = true
    if (this.#link === undefined && this.#timer === undefined) this.#open()
  }

  lost(): void {
    this.stop()
  }

  /** @throws ServerAwayError */
  lookUp(call: ScriptCall): Promise<unknown> {
    return this.#lookups.run(call)
  }

  /** The same with more time. @throws ServerAwayError */
  write(call: ScriptCall): Promise<unknown> {
    return this.#writes.run(call)
  }

  stop(): void {
    this.#isWanted = false
    this.#close()
  }

  #close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const link = this.#link
    this.#link = undefined
    this.#waiting = []
    link?.destroy()
  }

  /** A call that comes while the connection is opened waits for it, within its own time. */
  #ready(): RedisLink | Promise<RedisLink> {
    const link = this.#link
    if (link === undefined) throw new ServerAwayError('not connected')
    return link.isReady ? link : new Promise((resolve) => this.#waiting.push(resolve))
  }

  #open(): void {
    const link: RedisLink = this.#options.open({
      onReady: () => {
        if (this.#link !== link) return
        this.#circuit.succeeded()
        for (const resolve of this.#waiting.splice(0)) resolve(link)
      },
      onLost: (reason) => {
        if (this.#link !== link) return
        this.#circuit.open(reason)
        this.#reopen()
      },
      onMessage: () => undefined,
    })
    this.#link = link
  }

  #reopen(): void {
    this.#close()
    if (!this.#isWanted) return
    this.#timer = this.#options.clock.after(this.#options.retryIntervalMs, () => {
      this.#timer = undefined
      this.#open()
    })
  }
}
