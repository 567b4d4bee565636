import type { Clock } from '../../../kernel/clock.ts'
import { matchesGlob } from '../../../kernel/names/glob.ts'
import type { ModelCatalog } from '../../discovery/catalog.ts'
import type { Endpoint } from '../../registry/endpoint.ts'
import type { EndpointRegistry } from '../../registry/registry.ts'
import {
  type EngineCalls,
  type LoadedModel,
  OperationError,
  type OperationOrder,
} from '../contract/operation.ts'
import type { RuleState, RuleView } from '../contract/rule-views.ts'
import type { ModelUse } from '../contract/topics.ts'
import { engineOf } from '../engines/engines.ts'
import type { Operations } from '../operations.ts'
import { findListed } from '../targets.ts'
import { BackOff, displacedWithinMs } from './back-off.ts'
import type { IsWithin } from './hours.ts'

export interface KeepWarmRule {
  readonly index: number
  readonly model: string
  readonly endpoints: readonly string[]
  readonly isDue: IsWithin
}

export interface UnloadRule {
  readonly index: number
  readonly idleMs: number
  readonly models: readonly string[]
  readonly endpoints: readonly string[]
}

export interface RuleSet {
  readonly keepWarm: readonly KeepWarmRule[]
  readonly unloadAfter: readonly UnloadRule[]
}

export interface EndpointRulesServices {
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  readonly registry: Pick<EndpointRegistry, 'isRoutable'>
  readonly catalog: Pick<ModelCatalog, 'snapshot'>
  readonly operations: Pick<Operations, 'start' | 'whenOver' | 'isRunning'>
  readonly calls: (endpoint: Endpoint) => EngineCalls
  /** Whether this replica applies the rules to an endpoint. */
  readonly leads: (endpoint: string) => boolean
  /** Whether the engine works for any client, as far as it reports that. */
  readonly isEngineBusy: (slot: number) => boolean
  /** Receives faults of the gateway itself. */
  readonly onError: (error: unknown) => void
}

/** One model under one rule. */
interface Watched {
  readonly rule: RuleView['rule']
  readonly index: number
  readonly model: string
  readonly backOff: BackOff
  state: RuleState
  detail: string
  nextAtMs: number | undefined
  /** Monotonic milliseconds; of `keep_warm`: when the rule has loaded it. */
  loadedAtMs: number | undefined
  /** Monotonic milliseconds; of `unload_after`: last use, or when it was first seen in memory. */
  usedAtMs: number
  isChecked: boolean
}

/** Ollama keeps a model for so long; the rule asks again in time. If the gateway ends, the model leaves memory. */
const keptForMs = 1_800_000
const keepAlive = '30m'
/** Longer than any operation takes: until then the rule waits for its end. */
const maxOperationMs = 3_600_000

/** Applies the rules to the models of one endpoint. */
export class EndpointRules {
  readonly #services: EndpointRulesServices
  readonly #random: () => number
  readonly #watched = new Map<string, Watched>()
  #endpoint = ''

  constructor(services: EndpointRulesServices, random: () => number) {
    this.#services = services
    this.#random = random
  }

  views(): RuleView[] {
    const nowMs = this.#services.clock.nowMs()
    const atMs = this.#services.clock.monotonicMs()
    return [...this.#watched.values()].map(({ rule, index, model, state, detail, nextAtMs }) => ({
      rule,
      index,
      model,
      endpoint: this.#endpoint,
      state,
      detail,
      nextAtMs: nextAtMs === undefined ? undefined : Math.round(nowMs + nextAtMs - atMs),
    }))
  }

  /** @param uses of all endpoints, monotonic milliseconds */
  async check(endpoint: Endpoint, rules: RuleSet, uses: readonly ModelUse[]): Promise<void> {
    this.#endpoint = endpoint.name
    for (const watched of this.#watched.values()) watched.isChecked = false
    const isWhole = await this.#apply(endpoint, rules, uses)
    // What an endpoint has in memory is not known while it is away.
    if (isWhole) for (const [key, { isChecked }] of this.#watched) if (!isChecked) this.#watched.delete(key)
  }

  /** @returns whether all rules could be applied */
  async #apply(endpoint: Endpoint, rules: RuleSet, uses: readonly ModelUse[]): Promise<boolean> {
    const { clock, registry, leads } = this.#services
    const engine = engineOf(endpoint)
    const warm = this.#keptWarm(endpoint, rules.keepWarm)
    const unloads =
      engine?.operations.unload === undefined || engine.loaded === undefined
        ? []
        : rules.unloadAfter.filter(({ endpoints }) => matches(endpoints, endpoint.name))
    const nowMs = clock.nowMs()
    const due = warm.filter(({ rule }) => rule.isDue(nowMs))
    for (const { rule, watched } of warm) if (!rule.isDue(nowMs)) set(watched, 'off', 'outside its hours')
    if (due.length === 0 && unloads.length === 0) return true
    const setDue = (state: RuleState, detail: string) => {
      for (const { watched } of due) set(watched, state, detail)
    }
    if (!leads(endpoint.name)) {
      setDue('elsewhere', 'another replica applies the rules to this endpoint')
      return false
    }
    if (engine?.operations.load === undefined || engine.loaded === undefined) {
      setDue('unavailable', 'the endpoint cannot load models')
      return false
    }
    if (!registry.isRoutable(endpoint.slot)) {
      setDue('unavailable', 'the endpoint is not available')
      return false
    }
    let loaded: ReadonlyMap<string, LoadedModel>
    try {
      loaded = await engine.loaded(this.#services.calls(endpoint))
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      setDue('unavailable', error.message)
      return false
    }
    for (const { watched } of due) this.#keepWarm(endpoint, watched, loaded)
    const kept = new Set(due.map(({ watched }) => watched.model))
    for (const model of loaded.keys()) {
      const rule = unloads.find(({ models }) => matches(models, model))
      if (rule !== undefined && !kept.has(model)) this.#unloadIdle(endpoint, rule, model, uses)
    }
    return true
  }

  #keptWarm(endpoint: Endpoint, rules: readonly KeepWarmRule[]) {
    const models = this.#services.catalog.snapshot.byEndpoint.get(endpoint.slot)?.models ?? []
    return rules.flatMap((rule) => {
      const isNamed = rule.endpoints.length > 0
      if (!matches(rule.endpoints, endpoint.name)) return []
      const listed = findListed(models, rule.model, endpoint)
      const engine = engineOf(endpoint)
      // Without a name, the rule is for those that have the model and can load it.
      if (!isNamed && (listed === undefined || engine?.operations.load === undefined)) return []
      return [{ rule, watched: this.#watch('keep_warm', rule.index, listed?.name ?? rule.model) }]
    })
  }

  #keepWarm(endpoint: Endpoint, watched: Watched, loaded: ReadonlyMap<string, LoadedModel>): void {
    const { clock, operations } = this.#services
    const nowMs = clock.monotonicMs()
    const known = loaded.get(watched.model)
    const wasLoadedSoon = watched.loadedAtMs !== undefined && nowMs - watched.loadedAtMs < displacedWithinMs
    if (operations.isRunning(endpoint.name, watched.model)) {
      set(watched, 'working', 'an operation is under way')
      return
    }
    if (known !== undefined) {
      set(watched, 'warm', 'in memory')
      if (!wasLoadedSoon) watched.backOff.succeeded()
      const { expiresAtMs } = known
      if (expiresAtMs !== undefined && expiresAtMs - clock.nowMs() < keptForMs / 2)
        this.#start(endpoint, watched, 'load')
      return
    }
    if (wasLoadedSoon) {
      watched.loadedAtMs = undefined
      watched.backOff.failed(nowMs)
      watched.detail = 'left memory soon after it was loaded: another model may have displaced it'
    }
    if (this.#waits(watched)) return
    if (operations.isRunning(endpoint.name)) set(watched, 'working', 'waits for another operation there')
    else this.#start(endpoint, watched, 'load')
  }

  #unloadIdle(endpoint: Endpoint, rule: UnloadRule, model: string, uses: readonly ModelUse[]): void {
    const { clock, operations, isEngineBusy } = this.#services
    const watched = this.#watch('unload_after', rule.index, model)
    for (const use of uses) {
      if (use.endpoint === endpoint.name && use.model === model)
        watched.usedAtMs = Math.max(watched.usedAtMs, use.usedAtMs)
    }
    const nowMs = clock.monotonicMs()
    if (operations.isRunning(endpoint.name, model)) {
      set(watched, 'working', 'an operation is under way')
      return
    }
    const dueMs = watched.usedAtMs + rule.idleMs
    if (nowMs < dueMs) {
      set(watched, 'idle', 'used recently', dueMs)
      return
    }
    if (isEngineBusy(endpoint.slot)) {
      set(watched, 'idle', 'the engine works', dueMs)
      watched.usedAtMs = nowMs
      return
    }
    if (!this.#waits(watched)) this.#start(endpoint, watched, 'unload')
  }

  #waits(watched: Watched): boolean {
    const nowMs = this.#services.clock.monotonicMs()
    const leftMs = watched.backOff.leftMs(nowMs)
    if (leftMs > 0) set(watched, 'waiting', watched.detail, nowMs + leftMs)
    return leftMs > 0
  }

  #start(endpoint: Endpoint, watched: Watched, kind: 'load' | 'unload'): void {
    const order: OperationOrder = {
      kind,
      model: watched.model,
      endpoints: [endpoint.name],
      isForced: false,
      by: watched.rule,
      ...(kind === 'load' ? { keepAlive } : {}),
    }
    const isRenewal = watched.state === 'warm'
    if (!isRenewal) set(watched, 'working', `${kind} begun`)
    this.#run(order, watched, isRenewal).catch(this.#services.onError)
  }

  async #run(order: OperationOrder, watched: Watched, isRenewal: boolean): Promise<void> {
    const { clock, operations } = this.#services
    const { operations: begun, refused } = await operations.start(order)
    const ended = await operations.whenOver(
      begun.map(({ id }) => id),
      maxOperationMs,
    )
    const nowMs = clock.monotonicMs()
    if (ended[0]?.state === 'done') {
      if (order.kind === 'load' && !isRenewal) watched.loadedAtMs = nowMs
      if (!isRenewal) set(watched, order.kind === 'load' ? 'warm' : 'idle', ended[0].detail)
      return
    }
    const reason = ended[0]?.detail ?? refused[0]?.reason ?? 'it did not end'
    watched.backOff.failed(nowMs)
    set(watched, 'waiting', reason, nowMs + watched.backOff.leftMs(nowMs))
  }

  #watch(rule: RuleView['rule'], index: number, model: string): Watched {
    const key = `${rule} ${index} ${model}`
    let watched = this.#watched.get(key)
    if (watched === undefined) {
      watched = {
        rule,
        index,
        model,
        backOff: new BackOff(this.#random),
        state: 'idle',
        detail: '',
        nextAtMs: undefined,
        loadedAtMs: undefined,
        usedAtMs: this.#services.clock.monotonicMs(),
        isChecked: true,
      }
      this.#watched.set(key, watched)
    }
    watched.isChecked = true
    return watched
  }
}

function set(watched: Watched, state: RuleState, detail: string, nextAtMs?: number): void {
  watched.state = state
  watched.detail = detail
  watched.nextAtMs = nextAtMs
}

/** @param patterns names and globs; empty for all */
function matches(patterns: readonly string[], name: string): boolean {
  return patterns.length === 0 || patterns.some((pattern) => matchesGlob(pattern, name))
}
