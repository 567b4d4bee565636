import type { SectionOptions } from '../../../config/options/sections.ts'
import type { BoundedQueue } from '../../../kernel/bounded-queue.ts'
import type { Clock, Timer } from '../../../kernel/clock.ts'
import type { EndpointRegistry } from '../../registry/registry.ts'
import type { RuleView } from '../contract/rule-views.ts'
import type { ModelUse } from '../contract/topics.ts'
import { EndpointRules, type EndpointRulesServices, type RuleSet } from './endpoint-rules.ts'
import { withinHours } from './hours.ts'

export interface ModelRulesServices extends EndpointRulesServices {
  readonly clock: Clock
  readonly registry: Pick<EndpointRegistry, 'snapshot' | 'isRoutable'>
  /** When requests last used models, on all threads. */
  readonly uses: () => Promise<readonly ModelUse[]>
  /** Limits how many endpoints are checked at a time. */
  readonly queue: BoundedQueue
}

type Options = SectionOptions<'models'>

/** Applies `models.keep_warm` and `models.unload_after`; on the control thread. Without rules it has no timer. */
export class ModelRules {
  readonly #services: ModelRulesServices
  readonly #random: () => number
  readonly #endpoints = new Map<string, EndpointRules>()
  #options: Options
  #rules: RuleSet
  #timer: Timer | undefined
  #isRunning = false
  #isChecking = false

  /** @param random 0 to 1; the random part of intervals and pauses */
  constructor(services: ModelRulesServices, options: Options, random: () => number) {
    this.#services = services
    this.#random = random
    this.#options = options
    this.#rules = ruleSet(options)
  }

  start(): void {
    this.#isRunning = true
    this.#arm(this.#options.checkIntervalMs * this.#random())
  }

  stop(): void {
    this.#isRunning = false
    this.#timer?.cancel()
  }

  /** Changes the rules. What they have begun continues. */
  configure(options: Options): void {
    this.#options = options
    this.#rules = ruleSet(options)
    if (!this.#hasRules) this.#endpoints.clear()
    this.#arm(Math.min(1_000, options.checkIntervalMs) * this.#random())
  }

  views(): RuleView[] {
    return [...this.#endpoints.values()].flatMap((each) => each.views())
  }

  get #hasRules(): boolean {
    return this.#rules.keepWarm.length > 0 || this.#rules.unloadAfter.length > 0
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel()
    if (!this.#isRunning || !this.#hasRules) return
    this.#timer = this.#services.clock.after(delayMs, () => void this.#due())
  }

  async #due(): Promise<void> {
    if (!this.#isChecking) {
      this.#isChecking = true
      try {
        await this.#check()
      } catch (error) {
        this.#services.onError(error)
      } finally {
        this.#isChecking = false
      }
    }
    this.#arm(this.#options.checkIntervalMs * (1 + 0.2 * this.#random()))
  }

  async #check(): Promise<void> {
    const { registry, queue, uses } = this.#services
    const rules = this.#rules
    const used = rules.unloadAfter.length === 0 ? [] : await uses()
    const { endpoints } = registry.snapshot
    const names = new Set(endpoints.map(({ name }) => name))
    for (const name of this.#endpoints.keys()) if (!names.has(name)) this.#endpoints.delete(name)
    const checks = endpoints.map((endpoint) => {
      let known = this.#endpoints.get(endpoint.name)
      if (known === undefined) {
        known = new EndpointRules(this.#services, this.#random)
        this.#endpoints.set(endpoint.name, known)
      }
      const rulesOf = known
      return queue.push(() => rulesOf.check(endpoint, rules, used)).catch(this.#services.onError)
    })
    await Promise.all(checks)
  }
}

function ruleSet({ keepWarm, unloadAfter }: Options): RuleSet {
  return {
    keepWarm: keepWarm.map(({ model, endpoints, days, hours, time_zone: timeZone }, index) => ({
      index,
      model,
      endpoints,
      isDue: withinHours({ days, hours, timeZone }),
    })),
    unloadAfter: unloadAfter.map(({ idle, models, endpoints }, index) => ({
      index,
      idleMs: idle,
      models,
      endpoints,
    })),
  }
}
