import type { Clock } from '../../kernel/clock.ts'
import type { Script } from '../scripts/script.ts'
import { PendingCalls } from './pending-calls.ts'
import { type RedisLink, reasonOf, ServerAwayError } from './redis-link.ts'
import type { ServerCircuit } from './server-circuit.ts'

export interface ScriptRunnerOptions {
  readonly clock: Clock
  readonly circuit: ServerCircuit
  /** The current connection. @throws ServerAwayError without one */
  readonly link: () => RedisLink | Promise<RedisLink>
  /** What replaces a connection on which a call failed; undefined if the connection is good, or no other is expected. */
  readonly replacementOf?: (failed: RedisLink) => Promise<RedisLink> | undefined
  readonly timeoutMs: number
}

/** A call of a script: its keys must have one hash tag. It may run twice: a lost connection does not show whether it ran. */
export interface ScriptCall {
  readonly script: Script
  readonly keys: readonly string[]
  readonly args: readonly string[]
}

/**
 * Runs scripts on the server, behind the circuit and within a time. Commands of one event-loop turn are written
 * together.
 */
export class ScriptRunner {
  readonly #options: ScriptRunnerOptions
  readonly #pending: PendingCalls
  #calls = 0
  #failures = 0
  #timeouts = 0

  constructor(options: ScriptRunnerOptions) {
    this.#options = options
    this.#pending = new PendingCalls(options.clock, options.timeoutMs)
  }

  get counts(): { calls: number; failures: number; timeouts: number } {
    return { calls: this.#calls, failures: this.#failures, timeouts: this.#timeouts }
  }

  /**
   * @param isTrial whether to send it although the circuit is open
   * @returns what the script returns
   * @throws ServerAwayError if the server does not answer in time, or with an error. The script may still run.
   */
  run(call: ScriptCall, isTrial = false): Promise<unknown> {
    const { circuit } = this.#options
    if (circuit.isOpen && !isTrial) return Promise.reject(new ServerAwayError('the server is away'))
    this.#calls++
    return new Promise((resolve, reject) => {
      let isOver = false
      const end = this.#pending.begin(() => {
        isOver = true
        this.#timeouts++
        circuit.failed('timeout')
        reject(new ServerAwayError('timeout'))
      })
      this.#evaluate(call, () => isOver).then(
        (value) => {
          if (!end()) return
          circuit.succeeded()
          resolve(value)
        },
        (error: unknown) => {
          if (!end()) return
          this.#failures++
          const reason = reasonOf(error)
          circuit.failed(reason)
          reject(new ServerAwayError(reason))
        },
      )
    })
  }

  stop(): void {
    this.#pending.stop()
  }

  /** If its connection is lost, the call is sent again on the next one. */
  async #evaluate(call: ScriptCall, isOver: () => boolean): Promise<unknown> {
    const { link: current, replacementOf } = this.#options
    let link = await current()
    for (;;) {
      try {
        return await evaluate(link, call)
      } catch (error) {
        const next = replacementOf?.(link)
        if (next === undefined) throw error
        link = await next
        if (isOver()) throw error
      }
    }
  }
}

/** A restarted or flushed server, and a new node of a cluster, does not know the script: it gets the source then. */
async function evaluate(link: RedisLink, { script, keys, args }: ScriptCall): Promise<unknown> {
  const [key = ''] = keys
  const rest = [String(keys.length), ...keys, ...args]
  try {
    return await link.send(key, ['EVALSHA', script.sha, ...rest])
  } catch (error) {
    if (reasonOf(error) !== 'NOSCRIPT') throw error
    return link.send(key, ['EVAL', script.source, ...rest])
  }
}
