import type { Caller } from '../../proxy/contract/caller.ts'
import type { RequestContext } from '../../proxy/contract/context.ts'
import type { RequestRecord } from '../../proxy/contract/request-record.ts'
import { hourMs, noUsage, otherModel, type Usage, type UsageRow } from './usage-row.ts'

export interface CollectorOptions {
  /** The name of the endpoint in a slot. */
  readonly endpointName: (slot: number) => string
  /** Rows that are collected between two batches; more requests of a key are counted for `otherModel`. */
  readonly maxRows?: number
}

/** What a request has used. */
export interface RequestUse {
  /** Includes cached tokens. */
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly completionTokens: number
  /** Undefined if no price is known. */
  readonly cost: number | undefined
}

/** Use of one caller, by model and by endpoint slot + 1. */
type ByModel = Map<string, (Usage | undefined)[]>

const defaultMaxRows = 10_000
const maxModelLength = 128
/** Names that no endpoint is known to serve may be a client's invention, and are counted together. */
const unknownModel = '(unknown)'

/** Collects what the callers of one thread use, until the next batch. Each request is counted once. */
export class UsageCollector {
  readonly #options: CollectorOptions
  readonly #maxRows: number
  #callers = new Map<Caller, ByModel>()
  #size = 0
  #hour = 0
  #hourEndMs = 0
  /** Rows of hours that have ended. */
  #ended: UsageRow[] = []

  constructor(options: CollectorOptions) {
    this.#options = options
    this.#maxRows = options.maxRows ?? defaultMaxRows
  }

  /** Counts a request that is over. */
  add(
    { identity }: Pick<RequestContext, 'identity'>,
    record: RequestRecord,
    use: RequestUse = usedOf(record),
  ): void {
    if (identity === undefined) return
    const { completedAtMs, endpointSlot, answer } = record
    if (completedAtMs >= this.#hourEndMs || completedAtMs < this.#hourEndMs - hourMs)
      this.#begin(completedAtMs)
    const usage = this.#usageOf(identity, modelOf(record), endpointSlot === undefined ? 0 : endpointSlot + 1)
    usage.requests++
    usage[outcomeOf(record)]++
    usage.promptTokens += use.promptTokens
    usage.completionTokens += use.completionTokens
    usage.cachedTokens += use.cachedTokens
    usage.reasoningTokens += answer?.reasoningTokens ?? 0
    if (use.cost !== undefined) usage.cost += use.cost
    else if (use.promptTokens + use.completionTokens > 0) usage.unpriced++
    usage.durationMs += record.durationMs
  }

  /** Takes what has been collected. */
  take(): UsageRow[] {
    this.#end()
    const rows = this.#ended
    this.#ended = []
    return rows
  }

  #begin(atMs: number): void {
    this.#end()
    this.#hour = Math.floor(atMs / hourMs)
    this.#hourEndMs = (this.#hour + 1) * hourMs
  }

  #end(): void {
    if (this.#size === 0) return
    const { endpointName } = this.#options
    for (const [{ keyId, keyName, owner = '', team = '' }, models] of this.#callers) {
      for (const [model, slots] of models) {
        slots.forEach((usage, at) => {
          if (usage === undefined) return
          const endpoint = at === 0 ? '' : endpointName(at - 1)
          this.#ended.push({ hour: this.#hour, keyId, keyName, owner, team, model, endpoint, ...usage })
        })
      }
    }
    this.#callers = new Map()
    this.#size = 0
  }

  #usageOf(caller: Caller, model: string, slot: number): Usage {
    const models = this.#callers.get(caller)
    const known = models?.get(model)?.[slot]
    if (known !== undefined) return known
    if (this.#size >= this.#maxRows && (model !== otherModel || slot !== 0)) {
      return this.#usageOf(caller, otherModel, 0)
    }
    const usage = noUsage()
    const ofCaller: ByModel = models ?? new Map()
    if (models === undefined) this.#callers.set(caller, ofCaller)
    const slots = ofCaller.get(model)
    if (slots === undefined) {
      const made: (Usage | undefined)[] = []
      made[slot] = usage
      ofCaller.set(model, made)
    } else slots[slot] = usage
    this.#size++
    return usage
  }
}

function modelOf({ model, outcome, routing, completionTokens }: RequestRecord): string {
  if (model === undefined) return ''
  if (outcome !== 'success' && routing !== 'routed' && completionTokens === undefined) return unknownModel
  return model.length > maxModelLength ? model.slice(0, maxModelLength) : model
}

function usedOf({ promptTokens = 0, completionTokens = 0, answer }: RequestRecord): RequestUse {
  return { promptTokens, completionTokens, cachedTokens: answer?.cachedTokens ?? 0, cost: undefined }
}

/**
 * `refused` by the gateway for the caller's sake: its key, its limits, its policy. Other requests that no endpoint got
 * are the client's error, or the fleet's.
 */
function outcomeOf({ outcome, endpointSlot, status }: RequestRecord) {
  switch (outcome) {
    case 'success':
      return 'ok'
    case 'failure':
      return 'upstreamErrors'
    case 'rejection':
      return endpointSlot === undefined && isRefusal(status) ? 'refused' : 'clientErrors'
    case 'client_closed':
    case 'cancelled':
      return 'cancelled'
  }
}

function isRefusal(status: number | undefined): boolean {
  return status === 401 || status === 402 || status === 403 || status === 429
}
