import type { Clock, Timer } from '../../kernel/clock.ts'
import type { EventBus } from '../../runtime/events/bus.ts'
import type { Endpoint } from '../registry/endpoint.ts'
import {
  type EngineCalls,
  type EngineProgress,
  isOfEngine,
  OperationError,
  type OperationKind,
  type OperationOrder,
  type OperationRefusal,
  type OperationState,
  type OperationView,
  type StartedOperations,
  takesAway,
} from './contract/operation.ts'
import { engineOf } from './engines/engines.ts'
import type { ModelHolds } from './model-holds.ts'
import { chooseTargets, type OperationTarget, type TargetServices } from './targets.ts'

export interface OperationsServices extends TargetServices {
  readonly clock: Clock
  readonly events: Pick<EventBus, 'publish'>
  readonly calls: (endpoint: Endpoint, limits: { signal: AbortSignal; silenceMs: number }) => EngineCalls
  readonly holds: Pick<ModelHolds, 'hold'>
  /** Requests at a model, or at the whole endpoint, on all threads; undefined if a thread does not answer. */
  readonly requestsAt: (endpoint: Endpoint, model: string | undefined) => Promise<number | undefined>
  /** Takes an endpoint out of service on all threads, or back. */
  readonly setService: (endpoint: Endpoint, isIn: boolean, reason: string) => void
  /** Reads again what the operation has changed; resolves within a bounded time. */
  readonly refresh: (endpoint: Endpoint, kind: OperationKind) => Promise<void>
  /** Receives faults of the gateway itself. */
  readonly onError: (error: unknown) => void
}

interface Operation {
  readonly id: string
  readonly target: OperationTarget
  readonly order: OperationOrder
  readonly aborting: AbortController
  readonly startedAtMs: number
  readonly over: PromiseWithResolvers<void>
  state: OperationState
  endedAtMs: number | undefined
  progress: EngineProgress
  /** Monotonic milliseconds of the last event. */
  toldAtMs: number
  timer: Timer | undefined
}

/** Maximum operations at a time. */
const maxRunning = 64
/** Ended operations that are kept. */
const maxEnded = 200
/** Minimum time between two events that report the progress of an operation. */
const progressMs = 1_000
/** How long an engine may be silent: to load a model from a slow disk, or between two reports of a download. */
const silenceMs: Readonly<Record<OperationKind, number>> = {
  load: 1_800_000,
  unload: 600_000,
  pull: 600_000,
  delete: 120_000,
  sleep: 600_000,
  wake: 600_000,
  load_adapter: 600_000,
  unload_adapter: 120_000,
}

/** Runs operations of operators and rules on the models of endpoints; on the control thread. */
export class Operations {
  readonly #services: OperationsServices
  /** By ID, in the order of their start. */
  readonly #operations = new Map<string, Operation>()
  /** Endpoints that a sleep has taken out of service. */
  readonly #asleep = new Set<string>()
  #lastId = 0

  constructor(services: OperationsServices) {
    this.#services = services
  }

  /** Begins an order at each of its endpoints. The same operation under way is not begun again. */
  async start(order: OperationOrder): Promise<StartedOperations> {
    const { targets, refused } = chooseTargets(this.#services, order)
    const begun = await Promise.all(targets.map((target) => this.#begin(order, target)))
    return {
      operations: begun.flatMap((each) => ('id' in each ? [each] : [])),
      refused: [...refused, ...begun.flatMap((each) => ('id' in each ? [] : [each]))],
    }
  }

  /** Newest first. */
  list(): OperationView[] {
    return [...this.#operations.values()].reverse().map(viewOf)
  }

  /** The operation of a kind under way for a model of an endpoint. */
  isRunning(endpoint: string, model?: string): boolean {
    return this.#running().some(
      ({ target }) => target.endpoint.name === endpoint && (model === undefined || target.model === model),
    )
  }

  /** @returns the known ones among them, after all have ended or the time is over */
  async whenOver(ids: readonly string[], waitMs: number): Promise<OperationView[]> {
    const found = ids.flatMap((id) => this.#operations.get(id) ?? [])
    const running = found.filter(({ state }) => state === 'running')
    if (running.length > 0 && waitMs > 0) {
      const late = Promise.withResolvers<void>()
      const timer = this.#services.clock.after(waitMs, late.resolve)
      await Promise.race([Promise.all(running.map(({ over }) => over.promise)), late.promise])
      timer.cancel()
    }
    return found.map(viewOf)
  }

  /** Ends an operation under way. Some engines continue what they have begun. */
  cancel(id: string, by: string): OperationView | undefined {
    const operation = this.#operations.get(id)
    if (operation === undefined) return undefined
    if (operation.state === 'running') {
      this.#end(operation, 'cancelled', `cancelled by ${by}`)
      operation.aborting.abort()
    }
    return viewOf(operation)
  }

  stop(): void {
    for (const operation of this.#running()) {
      operation.timer?.cancel()
      operation.state = 'cancelled'
      operation.aborting.abort()
      operation.over.resolve()
    }
  }

  #running(): Operation[] {
    return [...this.#operations.values()].filter(({ state }) => state === 'running')
  }

  async #begin(order: OperationOrder, target: OperationTarget): Promise<OperationView | OperationRefusal> {
    const { endpoint, model } = target
    const refuse = (code: OperationRefusal['code'], reason: string): OperationRefusal => ({
      endpoint: endpoint.name,
      code,
      reason,
    })
    const there = this.#running().filter((each) => each.target.endpoint.name === endpoint.name)
    const same = there.find((each) => isSame(each, order, target))
    if (same !== undefined) return viewOf(same)
    const other = there.find((each) => conflicts(each, order, target))
    if (other !== undefined) {
      const what = `${other.order.kind.replaceAll('_', ' ')} of "${other.target.model}"`
      return refuse('conflict', `${what} is under way at "${endpoint.name}" (${other.id}).`)
    }
    if (this.#running().length >= maxRunning) {
      return refuse('at_capacity', `${maxRunning} operations are under way.`)
    }
    // From here on, a second order finds this one.
    const operation = this.#add(order, target)
    if (!takesAway.has(order.kind)) {
      void this.#run(operation)
      return viewOf(operation)
    }
    const release = this.#takeAway(operation)
    const busy = order.isForced ? 0 : await this.#services.requestsAt(endpoint, this.#heldModel(operation))
    if (operation.state !== 'running') {
      release(false)
      return viewOf(operation)
    }
    if (busy === 0) {
      void this.#run(operation, release)
      return viewOf(operation)
    }
    release(false)
    const reason =
      busy === undefined
        ? 'A thread of the gateway did not say whether it has requests there.'
        : `"${model}" is busy at "${endpoint.name}": ${busy} in flight. Only force=true takes it away from them.`
    this.#end(operation, 'failed', reason)
    return refuse('conflict', reason)
  }

  /** The model whose requests a taking away concerns; undefined for all of the endpoint. */
  #heldModel({ order, target }: Operation): string | undefined {
    if (isOfEngine.has(order.kind)) return undefined
    return order.kind === 'unload_adapter' ? order.adapter : target.model
  }

  /** Keeps new requests away. @returns a function that ends that: whether the engine sleeps decides */
  #takeAway(operation: Operation): (isDone: boolean) => void {
    const { endpoint } = operation.target
    const model = this.#heldModel(operation)
    if (model !== undefined) {
      const release = this.#services.holds.hold(endpoint.slot, model)
      return () => release()
    }
    // An endpoint that an operator has drained stays drained.
    if (this.#services.registry.service(endpoint.slot) !== 'serving') return () => {}
    this.#services.setService(endpoint, false, `put to sleep by ${operation.order.by}`)
    return (isDone) => {
      if (isDone) this.#asleep.add(endpoint.name)
      else this.#services.setService(endpoint, true, 'not asleep')
    }
  }

  #add(order: OperationOrder, target: OperationTarget): Operation {
    const { clock } = this.#services
    const operation: Operation = {
      id: `op-${++this.#lastId}`,
      target,
      order,
      aborting: new AbortController(),
      startedAtMs: clock.nowMs(),
      over: Promise.withResolvers<void>(),
      state: 'running',
      endedAtMs: undefined,
      progress: { detail: '' },
      toldAtMs: 0,
      timer: undefined,
    }
    this.#operations.set(operation.id, operation)
    return operation
  }

  async #run(operation: Operation, release: (isDone: boolean) => void = () => {}): Promise<void> {
    const { order, target, aborting } = operation
    const { kind } = order
    const run = engineOf(target.endpoint)?.operations[kind]
    this.#tell(operation)
    let isDone = false
    try {
      if (run === undefined) throw new OperationError('the endpoint is of another type now')
      const calls = this.#services.calls(target.endpoint, {
        signal: aborting.signal,
        silenceMs: silenceMs[kind],
      })
      const { adapter, path, level, keepAlive } = order
      const request = {
        model: target.model,
        isEmbedding: target.isEmbedding,
        adapter,
        path,
        level,
        keepAlive,
      }
      const detail = await run(calls, request, (progress) => this.#report(operation, progress))
      isDone = true
      release(true)
      if (kind === 'wake' && this.#asleep.delete(target.endpoint.name))
        this.#services.setService(target.endpoint, true, `woken by ${order.by}`)
      await this.#services.refresh(target.endpoint, kind)
      this.#end(operation, 'done', detail)
    } catch (error) {
      if (!isDone) release(false)
      const isOfEndpoint = error instanceof OperationError
      this.#end(operation, 'failed', isOfEndpoint ? error.message : 'the gateway failed')
      if (!isOfEndpoint) this.#services.onError(error)
    }
  }

  #report(operation: Operation, progress: EngineProgress): void {
    if (operation.state !== 'running') return
    operation.progress = progress
    const { clock } = this.#services
    const inMs = operation.toldAtMs + progressMs - clock.monotonicMs()
    operation.timer ??= clock.after(inMs, () => {
      operation.timer = undefined
      if (operation.state === 'running') this.#tell(operation)
    })
  }

  #end(operation: Operation, state: OperationState, detail: string): void {
    if (operation.state !== 'running') return
    operation.timer?.cancel()
    operation.state = state
    operation.endedAtMs = this.#services.clock.nowMs()
    operation.progress = { ...operation.progress, detail }
    this.#tell(operation)
    operation.over.resolve()
    this.#forgetOld()
  }

  #forgetOld(): void {
    let ended = this.#operations.size - this.#running().length
    for (const [id, { state }] of this.#operations) {
      if (ended <= maxEnded) return
      if (state === 'running') continue
      this.#operations.delete(id)
      ended--
    }
  }

  #tell(operation: Operation): void {
    operation.toldAtMs = this.#services.clock.monotonicMs()
    const { id, kind, endpoint, model, adapter, state, detail, completed, total, by } = viewOf(operation)
    this.#services.events.publish('model.operation', {
      id,
      operation: kind,
      endpoint,
      model,
      adapter,
      state,
      detail,
      completed,
      total,
      by,
    })
  }
}

function isSame({ order, target }: Operation, other: OperationOrder, there: OperationTarget): boolean {
  if (order.kind !== other.kind) return false
  if (isOfEngine.has(order.kind)) return true
  return target.model === there.model && order.adapter === other.adapter
}

/** Whether an operation must not run beside another one at the same endpoint. */
function conflicts({ order, target }: Operation, other: OperationOrder, there: OperationTarget): boolean {
  if (isOfEngine.has(order.kind) || isOfEngine.has(other.kind)) return true
  return target.model === there.model && order.adapter === other.adapter
}

function viewOf({ id, target, order, state, progress, startedAtMs, endedAtMs }: Operation): OperationView {
  return {
    id,
    kind: order.kind,
    endpoint: target.endpoint.name,
    model: target.model,
    adapter: order.adapter,
    state,
    detail: progress.detail,
    completed: progress.completed,
    total: progress.total,
    by: order.by,
    startedAtMs,
    endedAtMs,
  }
}
