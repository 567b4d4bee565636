import type { Clock } from '../../kernel/clock.ts'
import type { FoundEndpoint, Provider, ProviderReports } from './contract/contract.ts'
import { Repeat } from './contract/schedule.ts'

export interface ScanTarget {
  readonly host: string
  readonly port: number
}

export interface ScanProviderOptions {
  readonly targets: readonly ScanTarget[]
  readonly scheme: 'http' | 'https'
  readonly intervalMs: number
  readonly concurrency: number
  /** Whether an inference server answers at this base URL. Must not reject. */
  readonly probe: (baseUrl: string) => Promise<boolean>
  readonly clock: Clock
  readonly random?: () => number
}

/** Scans without an answer, one after the other, until a server leaves: one may restart or load a model. */
const maxMisses = 3

/** Finds the servers that answer among named hosts and ports. */
export class ScanProvider implements Provider {
  readonly #options: ScanProviderOptions
  readonly #random: () => number
  readonly #repeat: Repeat
  /** Scans since the last answer, by base URL. */
  readonly #misses = new Map<string, number>()
  #reports: ProviderReports | undefined
  #isStopped = false

  constructor(options: ScanProviderOptions) {
    this.#options = options
    this.#random = options.random ?? Math.random
    this.#repeat = new Repeat({ clock: options.clock, minMs: 1_000, read: () => this.#scan() })
  }

  start(reports: ProviderReports): void {
    this.#reports = reports
    this.#repeat.soon()
  }

  refresh(): void {
    this.#repeat.soon()
  }

  stop(): void {
    this.#isStopped = true
    this.#repeat.stop()
  }

  async #scan(): Promise<number> {
    const { targets, concurrency, intervalMs } = this.#options
    const queue = targets.values()
    const worker = async () => {
      for (const target of queue) {
        if (this.#isStopped) return
        await this.#visit(target)
      }
    }
    await Promise.all(Array.from({ length: Math.min(concurrency, targets.length) }, worker))
    if (!this.#isStopped) this.#reports?.found(targets.flatMap((target) => this.#endpoint(target)))
    return intervalMs * (1 - this.#random() / 10)
  }

  async #visit(target: ScanTarget): Promise<void> {
    const url = this.#url(target)
    if (await this.#options.probe(url)) this.#misses.set(url, 0)
    else {
      const misses = this.#misses.get(url)
      if (misses === undefined) return
      if (misses + 1 >= maxMisses) this.#misses.delete(url)
      else this.#misses.set(url, misses + 1)
    }
  }

  #endpoint(target: ScanTarget): FoundEndpoint[] {
    const url = this.#url(target)
    if (!this.#misses.has(url)) return []
    return [
      {
        url,
        name: `${target.host}:${target.port}`,
        settings: {},
        labels: { host: target.host },
        isReady: true,
      },
    ]
  }

  #url({ host, port }: ScanTarget): string {
    return `${this.#options.scheme}://${host}:${port}`
  }
}
