import { Resolver } from 'node:dns/promises'
import type { Clock } from '../../kernel/clock.ts'
import type { FoundEndpoint, Provider, ProviderReports } from './contract/contract.ts'
import { Repeat, retryDelayMs } from './contract/schedule.ts'

export interface AddressRecord {
  readonly address: string
  /** Seconds. */
  readonly ttl: number
}

export interface ServiceRecord {
  /** Host name. */
  readonly name: string
  readonly port: number
  /** Lower ones are preferred. */
  readonly priority: number
  readonly weight: number
}

/** The part of Node's resolver that the provider uses. Calls reject with Node's codes: `ENOTFOUND`, `ENODATA`, … */
export interface NameServer {
  resolve4(name: string, options: { ttl: true }): Promise<AddressRecord[]>
  resolve6(name: string, options: { ttl: true }): Promise<AddressRecord[]>
  resolveSrv(name: string): Promise<ServiceRecord[]>
}

export interface DnsProviderOptions {
  /** Host names, or service names (`_ollama._tcp.example`) if `record` is `SRV`. */
  readonly names: readonly string[]
  readonly record: 'A' | 'AAAA' | 'SRV'
  /** Port of the endpoints; SRV records have their own. */
  readonly port: number
  readonly scheme: 'http' | 'https'
  /** Maximum time between two look-ups. Records whose time to live is shorter are looked up earlier. */
  readonly intervalMs: number
  readonly server: NameServer
  readonly clock: Clock
  /** 0 to 1; default `Math.random`. */
  readonly random?: () => number
}

/** No name is looked up more often, whatever its time to live. */
const minIntervalMs = 1_000
/** Answers without a record, one after the other, until the endpoints of a name leave. */
const maxEmptyAnswers = 3

interface KnownName {
  endpoints: readonly FoundEndpoint[]
  emptyAnswers: number
}

/** A resolver that asks the system's name servers, or the given ones (`host` or `host:port`). */
export function nameServer(servers: readonly string[], timeoutMs: number): NameServer {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
  if (servers.length > 0) resolver.setServers(servers)
  return resolver
}

/**
 * Finds endpoints by look-ups of names. A failed look-up, `NXDOMAIN` too, keeps the endpoints of the last answer; an answer
 * without records removes them once it has come three times in a row.
 *
 * Node's resolver gives no time to live of SRV records; that of the addresses of their hosts is used instead.
 */
export class DnsProvider implements Provider {
  readonly #options: DnsProviderOptions
  readonly #random: () => number
  readonly #repeat: Repeat
  readonly #known = new Map<string, KnownName>()
  #reports: ProviderReports | undefined
  #failures = 0

  constructor(options: DnsProviderOptions) {
    this.#options = options
    this.#random = options.random ?? Math.random
    this.#repeat = new Repeat({ clock: options.clock, minMs: minIntervalMs, read: () => this.#read() })
  }

  start(reports: ProviderReports): void {
    this.#reports = reports
    this.#repeat.soon()
  }

  refresh(): void {
    this.#repeat.soon()
  }

  stop(): void {
    this.#repeat.stop()
  }

  async #read(): Promise<number> {
    const { names, intervalMs } = this.#options
    const results = await Promise.all(names.map((name) => this.#lookUp(name)))
    const problems = results.flatMap(({ problem }) => (problem === undefined ? [] : [problem]))
    if (problems.length < names.length) {
      this.#reports?.found([...this.#known.values()].flatMap(({ endpoints }) => endpoints))
    }
    this.#failures = problems.length === 0 ? 0 : this.#failures + 1
    if (problems.length > 0) {
      this.#reports?.failed(problems.slice(0, 3).join('; '))
      return retryDelayMs(this.#failures, { minMs: minIntervalMs, maxMs: intervalMs }, this.#random())
    }
    const ttlMs = Math.min(...results.map((result) => result.ttlMs))
    return Math.max(minIntervalMs, Math.min(intervalMs, ttlMs))
  }

  async #lookUp(name: string): Promise<{ ttlMs: number; problem?: string }> {
    try {
      const { endpoints, ttlMs } = await this.#resolve(name)
      this.#known.set(name, { endpoints, emptyAnswers: 0 })
      return { ttlMs }
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'error'
      const known = this.#known.get(name)
      if (code === 'ENODATA') {
        const emptyAnswers = (known?.emptyAnswers ?? 0) + 1
        const isEmpty = known === undefined || emptyAnswers >= maxEmptyAnswers
        this.#known.set(name, { endpoints: isEmpty ? [] : known.endpoints, emptyAnswers })
        return { ttlMs: minIntervalMs * emptyAnswers }
      }
      return { ttlMs: 0, problem: `${name}: ${code}` }
    }
  }

  async #resolve(name: string): Promise<{ endpoints: FoundEndpoint[]; ttlMs: number }> {
    const { record, port, server } = this.#options
    if (record !== 'SRV') {
      const records = await addressesOf(server, name, record)
      const endpoints = records.map(({ address }) => this.#endpoint(hostOf(address), port, name, {}))
      return { endpoints, ttlMs: shortestMs(records) }
    }
    const services = await server.resolveSrv(name)
    const addresses = await Promise.all(
      services.map((service) => addressesOf(server, service.name, 'A').catch(() => [])),
    )
    const highest = Math.max(...services.map(({ priority }) => priority))
    const endpoints = services.map((service) =>
      // In a SRV record the lowest priority is preferred, in the gateway the highest.
      this.#endpoint(service.name.replace(/\.$/, ''), service.port, name, {
        priority: 100 + highest - service.priority,
        ...(service.weight > 0 ? { weight: Math.min(1_000, service.weight) } : {}),
      }),
    )
    return { endpoints, ttlMs: shortestMs(addresses.flat()) }
  }

  #endpoint(host: string, port: number, name: string, settings: FoundEndpoint['settings']): FoundEndpoint {
    const authority = `${host}:${port}`
    const url = `${this.#options.scheme}://${authority}`
    return { url, name: authority, settings, labels: { dns_name: name }, isReady: true }
  }
}

function addressesOf(server: NameServer, name: string, record: 'A' | 'AAAA'): Promise<AddressRecord[]> {
  return record === 'A' ? server.resolve4(name, { ttl: true }) : server.resolve6(name, { ttl: true })
}

function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

function shortestMs(records: readonly AddressRecord[]): number {
  return Math.min(Number.POSITIVE_INFINITY, ...records.map(({ ttl }) => ttl * 1_000))
}
