import type { Clock, Timer } from '../../../kernel/clock.ts'
import type { Provider, ProviderReports } from '../contract/contract.ts'
import { Repeat } from '../contract/schedule.ts'
import { type ServiceAnswer, ServiceRecords, type ServiceRules } from './service-records.ts'

/** A socket of multicast DNS, as `multicast-dns` opens it. */
export interface Multicast {
  query(questions: readonly { readonly name: string; readonly type: 'PTR' | 'SRV' | 'TXT' | 'A' }[]): void
  close(): void
}

export interface MulticastListener {
  answers(records: readonly ServiceAnswer[]): void
  /** The socket cannot be used (any more). */
  failed(reason: string): void
}

export interface MdnsProviderOptions extends ServiceRules {
  readonly intervalMs: number
  /** Opens a socket; may reject, for example without the package. */
  readonly open: (listener: MulticastListener) => Promise<Multicast>
  readonly clock: Clock
}

const minIntervalMs = 1_000
/** A socket that has failed is opened again after this time. */
const reopenMs = 30_000
/** Queries at the start: answers get lost, and hosts answer after a random delay. */
const earlyQueries = 3
const maxQuestions = 50

/** Finds servers that announce themselves on the local network. */
export class MdnsProvider implements Provider {
  readonly #options: MdnsProviderOptions
  readonly #records: ServiceRecords
  readonly #repeat: Repeat
  #reports: ProviderReports | undefined
  #socket: Multicast | undefined
  #queries = 0
  #askedMs = Number.NEGATIVE_INFINITY
  #expiry: Timer | undefined
  #isStopped = false

  constructor(options: MdnsProviderOptions) {
    this.#options = options
    this.#records = new ServiceRecords(options)
    this.#repeat = new Repeat({ clock: options.clock, minMs: minIntervalMs, read: () => this.#query() })
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
    this.#expiry?.cancel()
    this.#socket?.close()
  }

  async #query(): Promise<number> {
    const { open, services, intervalMs } = this.#options
    if (this.#socket === undefined) {
      try {
        const socket = await open({
          answers: (records) => this.#take(records),
          failed: (reason) => this.#fail(reason),
        })
        if (this.#isStopped) {
          socket.close()
          return reopenMs
        }
        this.#socket = socket
      } catch (error) {
        const reason = error instanceof Error && 'code' in error ? String(error.code) : 'no socket'
        this.#reports?.unavailable(`no multicast here: ${reason}`)
        return reopenMs
      }
    }
    this.#socket.query(services.map((service) => ({ name: `${service}.local`, type: 'PTR' })))
    if (this.#queries === 0) this.#report()
    return ++this.#queries < earlyQueries ? minIntervalMs * this.#queries : intervalMs
  }

  #take(answers: readonly ServiceAnswer[]): void {
    if (this.#isStopped) return
    this.#records.take(answers, this.#options.clock.monotonicMs())
    this.#askForMissing()
    this.#report()
  }

  /** At most once a second, because answers of strangers lead here. */
  #askForMissing(): void {
    const nowMs = this.#options.clock.monotonicMs()
    if (nowMs - this.#askedMs < minIntervalMs) return
    const missing = this.#records.missing().slice(0, maxQuestions)
    if (missing.length === 0) return
    this.#askedMs = nowMs
    this.#socket?.query(missing)
  }

  #report(): void {
    const { clock } = this.#options
    const nextMs = this.#records.expire(clock.monotonicMs())
    this.#reports?.found(this.#records.endpoints())
    this.#expiry?.cancel()
    this.#expiry = Number.isFinite(nextMs) ? clock.after(nextMs, () => this.#report()) : undefined
  }

  /** Keeps what is known until it expires, and opens another socket later. */
  #fail(reason: string): void {
    this.#socket?.close()
    this.#socket = undefined
    this.#queries = 0
    if (!this.#isStopped) this.#reports?.unavailable(`no multicast here: ${reason}`)
  }
}
