import type { Clock } from '../../../kernel/clock.ts'
import { type ApiClient, type ApiLimits, jsonBody } from '../contract/api-client.ts'
import type { Provider, ProviderReports } from '../contract/contract.ts'
import { jsonLines } from '../contract/json-lines.ts'
import { Repeat, retryDelayMs } from '../contract/schedule.ts'
import { type ContainerRules, endpointsOfContainers } from './containers.ts'

export interface DockerProviderOptions extends ContainerRules {
  readonly api: ApiClient
  readonly clock: Clock
  readonly random?: () => number
}

const labelFilter = encodeURIComponent('{"label":["olla-gateway.enable=true"]}')
const eventFilter = encodeURIComponent(
  '{"type":["container","network"],"label":["olla-gateway.enable=true"]}',
)
const maxListBytes = 16 * 1024 * 1024
const timeoutMs = 10_000
const maxListMs = 30_000
/** Lists are read again after this time without an event: streams of events have been seen to fall silent. */
const relistMs = 30_000
/** An event stream that is silent for longer may be dead: another one replaces it. */
const maxSilenceMs = 300_000
const minIntervalMs = 1_000

/** Finds containers by their labels: a list at the start and after each event. */
export class DockerProvider implements Provider {
  readonly #options: DockerProviderOptions
  readonly #random: () => number
  readonly #lists: Repeat
  readonly #events: Repeat
  readonly #stopped = new AbortController()
  #reports: ProviderReports | undefined
  #listFailures = 0
  #eventFailures = 0

  constructor(options: DockerProviderOptions) {
    this.#options = options
    this.#random = options.random ?? Math.random
    const { clock } = options
    this.#lists = new Repeat({ clock, minMs: minIntervalMs, read: () => this.#list() })
    this.#events = new Repeat({ clock, minMs: minIntervalMs, read: () => this.#listen() })
  }

  start(reports: ProviderReports): void {
    this.#reports = reports
    this.#lists.soon()
    this.#events.soon()
  }

  refresh(): void {
    this.#lists.soon()
  }

  stop(): void {
    this.#stopped.abort()
    this.#lists.stop()
    this.#events.stop()
  }

  async #list(): Promise<number> {
    try {
      const { statusCode, body } = await this.#get(`/containers/json?filters=${labelFilter}`, {
        idleMs: timeoutMs,
        totalMs: maxListMs,
      })
      const list = await jsonBody(body, maxListBytes)
      if (statusCode !== 200) throw new RangeError(`Docker answers ${statusCode}`)
      this.#reports?.found(endpointsOfContainers(list, this.#options))
      this.#listFailures = 0
      return relistMs
    } catch (error) {
      this.#listFailures++
      if (!this.#stopped.signal.aborted) this.#reports?.failed(reasonOf(error))
      return this.#delayMs(this.#listFailures)
    }
  }

  async #listen(): Promise<number> {
    try {
      const { statusCode, body } = await this.#get(`/events?filters=${eventFilter}`, { idleMs: maxSilenceMs })
      if (statusCode !== 200) throw new RangeError(`Docker answers ${statusCode}`)
      this.#eventFailures = 0
      // What happened before the stream began is in the list.
      this.#lists.soon()
      for await (const _ of jsonLines(body)) this.#lists.soon()
      return minIntervalMs
    } catch {
      // The lists say what is wrong.
      this.#eventFailures++
      return this.#delayMs(this.#eventFailures)
    }
  }

  #delayMs(failures: number): number {
    return retryDelayMs(failures, { minMs: minIntervalMs, maxMs: relistMs }, this.#random())
  }

  #get(path: string, limits: Pick<ApiLimits, 'idleMs' | 'totalMs'>) {
    return this.#options.api.get(path, { timeoutMs, ...limits, signal: this.#stopped.signal })
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof RangeError) return error.message
  if (error instanceof SyntaxError) return 'Docker sends no valid JSON'
  return error instanceof Error && 'code' in error ? `no answer: ${String(error.code)}` : 'no answer'
}
