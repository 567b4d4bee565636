import type { Clock } from '../../../kernel/clock.ts'
import { type ApiClient, type ApiLimits, jsonBody } from '../contract/api-client.ts'
import type { Provider, ProviderReports } from '../contract/contract.ts'
import { jsonLines } from '../contract/json-lines.ts'
import { isObject, isText } from '../contract/json-values.ts'
import { Repeat, retryDelayMs } from '../contract/schedule.ts'
import { readSlice } from './read-slice.ts'
import { type EndpointSlice, endpointsOfSlices, type SliceRules } from './slices.ts'

export interface KubernetesProviderOptions extends SliceRules {
  readonly api: ApiClient
  readonly namespace: string
  /** Name of the Service; undefined for all that the selector matches. */
  readonly service: string | undefined
  /** Label selector, as `kubectl -l` takes it. */
  readonly selector: string
  readonly clock: Clock
  readonly random?: () => number
}

const pageSize = 200
const maxPages = 100
const maxPageBytes = 16 * 1024 * 1024
const timeoutMs = 10_000
const maxPageMs = 30_000
/**
 * The server ends each watch after this time. A connection that has died silently is noticed soon after, and each new
 * watch proves that the server still has our version.
 */
const watchSeconds = 45
const minIntervalMs = 1_000
const maxIntervalMs = 30_000

/** The version that we have is too old: 410 as a status, or as an event of a watch. */
class ExpiredVersion extends Error {}

/**
 * Finds endpoints of Services by list and watch of EndpointSlices. After a watch the next one continues from the last
 * version that a change or a bookmark gave; an expired version leads to a new list. At most one request a second.
 */
export class KubernetesProvider implements Provider {
  readonly #options: KubernetesProviderOptions
  readonly #random: () => number
  readonly #repeat: Repeat
  readonly #slices = new Map<string, EndpointSlice>()
  #reports: ProviderReports | undefined
  /** Of the last list or event; undefined: list first. */
  #version: string | undefined
  #failures = 0
  /** Ends the present list or watch. */
  #turnEnd = new AbortController()
  #isWatching = false
  #isListDue = false
  #isStopped = false

  constructor(options: KubernetesProviderOptions) {
    this.#options = options
    this.#random = options.random ?? Math.random
    this.#repeat = new Repeat({ clock: options.clock, minMs: minIntervalMs, read: () => this.#turn() })
  }

  start(reports: ProviderReports): void {
    this.#reports = reports
    this.#repeat.soon()
  }

  refresh(): void {
    this.#isListDue = true
    // A watch may be silent because its connection is dead.
    if (this.#isWatching) this.#turnEnd.abort()
    this.#repeat.soon()
  }

  stop(): void {
    this.#isStopped = true
    this.#turnEnd.abort()
    this.#repeat.stop()
  }

  /** One list, or one watch until it ends. */
  async #turn(): Promise<number> {
    this.#turnEnd = new AbortController()
    try {
      if (this.#version === undefined || this.#isListDue) await this.#list()
      else await this.#watch(this.#version)
      this.#failures = 0
      return minIntervalMs
    } catch (error) {
      if (this.#isStopped) return maxIntervalMs
      if (this.#turnEnd.signal.aborted) return minIntervalMs
      this.#failures++
      if (error instanceof ExpiredVersion) {
        this.#version = undefined
        // The list follows at once; should its version have expired as well, the delays grow.
        if (this.#failures === 1) return minIntervalMs
      } else this.#reports?.failed(reasonOf(error))
      return retryDelayMs(this.#failures, { minMs: minIntervalMs, maxMs: maxIntervalMs }, this.#random())
    }
  }

  async #list(): Promise<void> {
    this.#isListDue = false
    const slices: EndpointSlice[] = []
    let version = ''
    let next = ''
    for (let page = 0; page < maxPages; page++) {
      const query = `limit=${pageSize}${next === '' ? '' : `&continue=${encodeURIComponent(next)}`}`
      const { statusCode, body } = await this.#get(query, { idleMs: timeoutMs, totalMs: maxPageMs })
      const list = await jsonBody(body, maxPageBytes)
      checkStatus(statusCode, list)
      if (!isObject(list) || !isObject(list.metadata) || !Array.isArray(list.items)) {
        throw new SyntaxError('the answer is not a list')
      }
      slices.push(...list.items.flatMap((item: unknown) => readSlice(item) ?? []))
      version = isText(list.metadata.resourceVersion) ? list.metadata.resourceVersion : ''
      next = isText(list.metadata.continue) ? list.metadata.continue : ''
      if (next === '') break
    }
    this.#slices.clear()
    for (const slice of slices) this.#slices.set(keyOf(slice), slice)
    this.#version = version
    this.#report()
  }

  async #watch(version: string): Promise<void> {
    this.#isWatching = true
    try {
      await this.#follow(version)
    } finally {
      this.#isWatching = false
    }
  }

  async #follow(version: string): Promise<void> {
    const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=${watchSeconds}&resourceVersion=${encodeURIComponent(version)}`
    const { statusCode, body } = await this.#get(query, { idleMs: (watchSeconds + 10) * 1_000 })
    if (statusCode !== 200) checkStatus(statusCode, await jsonBody(body, maxPageBytes).catch(() => undefined))
    // Endpoints that a failure kept are known again.
    if (this.#failures > 0) this.#report()
    for await (const event of jsonLines(body)) {
      this.#take(event)
      this.#failures = 0
    }
  }

  #take(event: unknown): void {
    if (!isObject(event)) throw new SyntaxError('an event is not an object')
    const { type, object } = event
    if (type === 'ERROR')
      checkStatus(isObject(object) && typeof object.code === 'number' ? object.code : 500, object)
    const slice = readSlice(object)
    const version =
      isObject(object) && isObject(object.metadata) ? object.metadata.resourceVersion : undefined
    if (isText(version)) this.#version = version
    if (type === 'BOOKMARK' || slice === undefined) return
    if (type === 'DELETED') this.#slices.delete(keyOf(slice))
    else this.#slices.set(keyOf(slice), slice)
    this.#report()
  }

  #report(): void {
    this.#reports?.found(endpointsOfSlices(this.#slices.values(), this.#options))
  }

  #get(query: string, limits: Pick<ApiLimits, 'idleMs' | 'totalMs'>) {
    const { api, namespace, service, selector } = this.#options
    const labels = [selector, service === undefined ? '' : `kubernetes.io/service-name=${service}`]
    const chosen = labels.filter((each) => each !== '').join(',')
    const base = `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/endpointslices`
    const path = `${base}?${query}${chosen === '' ? '' : `&labelSelector=${encodeURIComponent(chosen)}`}`
    return api.get(path, { timeoutMs, ...limits, signal: this.#turnEnd.signal })
  }
}

function checkStatus(statusCode: number, body: unknown): void {
  if (statusCode === 410) throw new ExpiredVersion()
  if (isObject(body) && body.reason === 'Expired') throw new ExpiredVersion()
  if (statusCode !== 200) throw new StatusError(statusCode)
}

class StatusError extends Error {
  constructor(statusCode: number) {
    super(`the API server answers ${statusCode}`)
  }
}

function keyOf({ metadata }: EndpointSlice): string {
  return `${metadata.namespace}/${metadata.name}`
}

function reasonOf(error: unknown): string {
  if (error instanceof StatusError || error instanceof RangeError) return error.message
  if (error instanceof SyntaxError) return 'the API server sends no valid JSON'
  return error instanceof Error && 'code' in error ? `no answer: ${String(error.code)}` : 'no answer'
}
