import {
  FetchError,
  type FetchRequest,
  type UpstreamFetch,
} from '../../../src/endpoints/connections/fetch.ts'
import type { Clock } from '../../../src/kernel/clock.ts'

/** How an endpoint behaves from now on. */
export type Behaviour =
  | { readonly status: number; readonly latencyMs?: number; readonly retryAfter?: string }
  | 'refuse'
  | 'reset'
  | 'hang'

/** Endpoints that answer probes as a test says, by the clock of the test. */
export class ScriptedUpstreams {
  /** By URL; others answer 200 at once. */
  readonly behaviour = new Map<string, Behaviour>()
  readonly requests: (FetchRequest & { atMs: number })[] = []
  readonly #clock: Clock
  readonly #underWay = new Map<string, number>()
  /** Maximum concurrent requests, over all URLs and for one. */
  maxConcurrentProbes = 0
  maxProbesOfOne = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  readonly fetch: UpstreamFetch = async (request) => {
    const { url } = request
    this.requests.push({ ...request, atMs: this.#clock.monotonicMs() })
    this.#count(url, 1)
    try {
      return await this.#answer(request)
    } finally {
      this.#count(url, -1)
    }
  }

  probes(url: string): number {
    return this.requests.filter((request) => request.url === url).length
  }

  async #answer({ url, timeoutMs }: FetchRequest) {
    const startedMs = this.#clock.monotonicMs()
    const behaviour = this.behaviour.get(url) ?? { status: 200 }
    if (behaviour === 'refuse') throw new FetchError({ kind: 'refused' })
    if (behaviour === 'reset') throw new FetchError({ kind: 'reset' })
    const latencyMs = behaviour === 'hang' ? Number.POSITIVE_INFINITY : (behaviour.latencyMs ?? 0)
    if (latencyMs > 0) await this.#sleep(Math.min(latencyMs, timeoutMs))
    if (behaviour === 'hang' || latencyMs > timeoutMs) {
      throw new FetchError({ kind: 'first_byte_timeout' }, `no answer within ${timeoutMs} ms`)
    }
    return {
      statusCode: behaviour.status,
      header: (name: string) => (name === 'retry-after' ? behaviour.retryAfter : undefined),
      body: Buffer.alloc(0),
      durationMs: this.#clock.monotonicMs() - startedMs,
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(ms, resolve)
    })
  }

  #count(url: string, change: 1 | -1): void {
    const now = (this.#underWay.get(url) ?? 0) + change
    this.#underWay.set(url, now)
    this.maxProbesOfOne = Math.max(this.maxProbesOfOne, now)
    let all = 0
    for (const count of this.#underWay.values()) all += count
    this.maxConcurrentProbes = Math.max(this.maxConcurrentProbes, all)
  }
}
