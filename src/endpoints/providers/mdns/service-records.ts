import type { FoundEndpoint } from '../contract/contract.ts'
import { labelSettings } from '../contract/labels.ts'
import { isServerUrl } from '../contract/same-server.ts'

/** A record of a multicast answer; others than these types are ignored. */
export type ServiceAnswer =
  | { readonly type: 'PTR'; readonly name: string; readonly ttl: number; readonly data: string }
  | {
      readonly type: 'SRV'
      readonly name: string
      readonly ttl: number
      readonly data: { readonly target: string; readonly port: number }
    }
  | { readonly type: 'TXT'; readonly name: string; readonly ttl: number; readonly data: readonly string[] }
  | { readonly type: 'A' | 'AAAA'; readonly name: string; readonly ttl: number; readonly data: string }

export interface ServiceRules {
  /** Service types: `_ollama._tcp`, `_openai._tcp`, … */
  readonly services: readonly string[]
  /** Key that the TXT record of `_http._tcp` and `_https._tcp` must have. */
  readonly txtKey: string
}

export interface MissingRecord {
  readonly name: string
  readonly type: 'SRV' | 'TXT' | 'A'
}

interface Known<T> {
  readonly value: T
  readonly expiresMs: number
}

/** A host of the network can announce anything; what is kept of it is bounded. */
const maxNames = 1_000
const maxAddresses = 8
/** A record with TTL 0 is a goodbye, which counts after a second (RFC 6762, 10.1). */
const goodbyeMs = 1_000
const domain = '.local'

/** The services that hosts of the local network announce (DNS-SD, RFC 6763), from the records that have arrived. */
export class ServiceRecords {
  readonly #rules: ServiceRules
  readonly #types: ReadonlySet<string>
  /** By lower-case name of the instance. */
  readonly #instances = new Map<string, Known<{ readonly instance: string; readonly service: string }>>()
  readonly #targets = new Map<string, Known<{ readonly target: string; readonly port: number }>>()
  readonly #texts = new Map<string, Known<Readonly<Record<string, string>>>>()
  readonly #addresses = new Map<string, Map<string, Known<string>>>()

  constructor(rules: ServiceRules) {
    this.#rules = rules
    this.#types = new Set(rules.services.map((service) => `${service}${domain}`.toLowerCase()))
  }

  take(answers: readonly ServiceAnswer[], nowMs: number): void {
    for (const answer of answers) {
      const name = answer.name.toLowerCase()
      const expiresMs = nowMs + (answer.ttl === 0 ? goodbyeMs : answer.ttl * 1_000)
      if (answer.type === 'PTR') {
        if (!this.#types.has(name)) continue
        const value = { instance: answer.data, service: name.slice(0, -domain.length) }
        put(this.#instances, answer.data.toLowerCase(), { value, expiresMs })
      } else if (answer.type === 'SRV') {
        const { target, port } = answer.data
        put(this.#targets, name, { value: { target, port }, expiresMs })
      } else if (answer.type === 'TXT') put(this.#texts, name, { value: textsOf(answer.data), expiresMs })
      else {
        const addresses = this.#addresses.get(name) ?? new Map<string, Known<string>>()
        put(addresses, answer.data, { value: answer.data, expiresMs }, maxAddresses)
        put(this.#addresses, name, addresses)
      }
    }
  }

  /** Removes what has expired. Returns milliseconds to the next expiry, Infinity if nothing is known. */
  expire(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY
    for (const known of [this.#instances, this.#targets, this.#texts, ...this.#addresses.values()]) {
      for (const [name, { expiresMs }] of known) {
        if (expiresMs <= nowMs) known.delete(name)
        else nextMs = Math.min(nextMs, expiresMs - nowMs)
      }
    }
    for (const [name, addresses] of this.#addresses) if (addresses.size === 0) this.#addresses.delete(name)
    return nextMs
  }

  /** Names of instances and hosts whose records are missing, to ask for. */
  missing(): MissingRecord[] {
    const missing: MissingRecord[] = []
    for (const [key, { value }] of this.#instances) {
      const target = this.#targets.get(key)?.value.target
      if (target === undefined) {
        missing.push({ name: value.instance, type: 'SRV' }, { name: value.instance, type: 'TXT' })
      } else if (!this.#addresses.has(target.toLowerCase())) missing.push({ name: target, type: 'A' })
    }
    return missing
  }

  endpoints(): FoundEndpoint[] {
    return [...this.#instances].flatMap(([key, { value }]) => {
      const target = this.#targets.get(key)?.value
      const address = target === undefined ? undefined : this.#addressOf(target.target)
      const texts = this.#texts.get(key)?.value ?? {}
      if (target === undefined || address === undefined) return []
      const isWeb = value.service.startsWith('_http._') || value.service.startsWith('_https._')
      if (isWeb && !(this.#rules.txtKey in texts)) return []
      const scheme = value.service.startsWith('_https._') || texts.scheme === 'https' ? 'https' : 'http'
      const url = `${scheme}://${address}:${target.port}${pathOf(texts.path)}`
      if (!isServerUrl(url)) return []
      return [
        {
          url,
          name: instanceName(value.instance, value.service),
          settings: settingsOf(texts),
          labels: { ...texts, service: value.service, host: target.target },
          isReady: true,
        },
      ]
    })
  }

  /** IPv4 first; a link-local IPv6 address is useless without its interface. */
  #addressOf(host: string): string | undefined {
    const known = [...(this.#addresses.get(host.toLowerCase())?.keys() ?? [])].sort()
    const address =
      known.find((each) => !each.includes(':')) ?? known.find((each) => !/^fe[89ab]/i.test(each))
    return address?.includes(':') === true ? `[${address}]` : address
  }
}

function put<T>(map: Map<string, T>, key: string, value: T, maxSize = maxNames): void {
  if (map.has(key) || map.size < maxSize) map.set(key, value)
}

function textsOf(lines: readonly string[]): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const line of lines) {
    const at = line.indexOf('=')
    // A key without a value is a flag (RFC 6763, 6.4).
    if (at !== 0) texts[(at < 0 ? line : line.slice(0, at)).toLowerCase()] = at < 0 ? '' : line.slice(at + 1)
  }
  return texts
}

function pathOf(path: string | undefined): string {
  if (path === undefined || path === '' || path === '/') return ''
  return path.startsWith('/') ? path : `/${path}`
}

function instanceName(instance: string, service: string): string {
  const suffix = `.${service}${domain}`
  return instance.toLowerCase().endsWith(suffix) ? instance.slice(0, -suffix.length) : instance
}

function settingsOf(texts: Readonly<Record<string, string>>): Record<string, unknown> {
  try {
    return labelSettings(texts, (key) => key)
  } catch {
    return {}
  }
}
