import type { IncomingMessage, ServerResponse } from 'node:http'
import { Answer } from './answer.ts'
import { answerControl, controlPath } from './control.ts'
import { type Fault, FaultPlan, type FaultsOfRequest } from './faults.ts'
import { hasKey } from './key.ts'
import { kinds } from './kinds.ts'
import { Listener } from './listener.ts'
import {
  type CompleteModel,
  completeModel,
  type SimulatedModel,
  type SimulatorKind,
  type SimulatorOptions,
} from './model.ts'
import { type EngineMemory, engineMemory } from './model-memory.ts'
import { Rejection } from './rejections.ts'
import { SimulatorRequest } from './request.ts'
import type { StoredResponse } from './responses.ts'
import { findRoute, type Route } from './route.ts'
import type { Script } from './script.ts'
import { type Passage, type SimulatorCounters, Traffic } from './traffic.ts'

export type { SimulatorCounters } from './traffic.ts'

export interface SimulatorControl {
  /** Adds a fault. A refusal has closed the listener when the promise resolves. */
  setFault(fault: Fault): Promise<void>
  /** Removes all faults; the listener is open again when the promise resolves. */
  clearFaults(): Promise<void>
  faults(): readonly Fault[]
  counters(): SimulatorCounters
  /** The last 100 requests, oldest first. */
  requests(): readonly SimulatorRequest[]
  /** Sets the answers to the next chats, one each; later answers are generated again. */
  script(...scripts: readonly Script[]): void
  /** Loads and unloads models. */
  setModels(models: readonly (string | SimulatedModel)[]): void
  models(): readonly CompleteModel[]
  /** What the engine does with its models, apart from answering. */
  readonly memory: EngineMemory
}

export interface Simulator {
  readonly name: string
  readonly kind: SimulatorKind
  readonly url: string
  readonly port: number
  readonly control: SimulatorControl
  /** Closes the listener and every connection. */
  close(): Promise<void>
}

const defaultModels = ['llama3.2:3b']
const defaultDelayMs = 1000
const defaultReadDelayMs = 50
const bytesPerToken = 4

/** Starts one scripted inference server. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const kind = kinds[options.kind]
  const name = options.name ?? options.kind
  const scripts: Script[] = []
  let models: readonly CompleteModel[] = (options.models ?? defaultModels).map(completeModel)
  const state = {
    kind: options.kind,
    name,
    version: options.version ?? kind.version,
    get models() {
      return models
    },
    setModels(next: readonly CompleteModel[]) {
      models = next
    },
    complete: completeModel,
    memory: engineMemory({ loadMs: options.loadMs ?? 0, isRouter: options.isRouter ?? false }),
    blobs: new Set<string>(),
    generating: () => traffic.generating,
    takeScript: () => scripts.shift(),
    responses: new Map<string, StoredResponse>(),
  }
  const pace = {
    tokensPerSecond: options.tokensPerSecond ?? 200,
    timeToFirstTokenMs: options.timeToFirstTokenMs ?? 20,
  }
  const plan = new FaultPlan(options.random)
  const traffic = new Traffic()
  const listener = new Listener(options.host ?? '127.0.0.1', options.port ?? 0, (incoming, response) => {
    receive(incoming, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)))
    })
  })
  let reopening: NodeJS.Timeout | undefined

  async function receive(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = new SimulatorRequest(incoming)
    response.on('error', () => {})
    if (request.path === controlPath || request.path.startsWith(`${controlPath}/`)) {
      request.body = await readBody(incoming)
      await answerControl({ name, kind: options.kind, control }, request, response)
      return
    }
    const passage = traffic.begin(request, response)
    const route = findRoute(kind.routes, request.method, request.path, state.version)
    const faults = plan.take({
      path: request.path,
      isHealthRoute: request.path === kind.healthPath,
      isInference: route?.isInference ?? true,
    })
    for (const fault of Object.values(faults)) if (fault !== undefined) traffic.hit(fault.kind)
    try {
      const pauseMs = faults.reading === undefined ? 0 : (faults.reading.delayMs ?? defaultReadDelayMs)
      request.body = await readBody(incoming, pauseMs, (bytes) => traffic.received(bytes))
      if (faults.waiting !== undefined) await wait(faults.waiting.delayMs ?? defaultDelayMs, response)
    } catch {
      // The client left while it was still sending; the passage has counted that.
      return
    }
    if (!passage.isClosed) serve(request, response, { route, faults, passage })
  }

  function serve(
    request: SimulatorRequest,
    response: ServerResponse,
    { route, faults, passage }: { route: Route | undefined; faults: FaultsOfRequest; passage: Passage },
  ): void {
    const fault = faults.answering
    const { prefillTokensPerSecond = 0 } = options
    const prefillMs =
      prefillTokensPerSecond > 0 ? (request.body.length * 1000) / (bytesPerToken * prefillTokensPerSecond) : 0
    const ownPace = { ...pace, timeToFirstTokenMs: pace.timeToFirstTokenMs + prefillMs }
    const answer = new Answer(response, fault, ownPace, passage)
    for (const [header, value] of Object.entries(kind.headers ?? {})) response.setHeader(header, value)
    switch (fault?.kind) {
      case 'hang':
        return
      case 'reset_before_headers':
        answer.breakOff('reset')
        return
      case 'close_before_headers':
        answer.breakOff('close')
        return
      case 'status':
      case 'health':
        answer.status(fault)
        return
    }
    const isOpen = kind.isHealthPublic && request.path === kind.healthPath
    try {
      if (options.apiKey !== undefined && !isOpen && !hasKey(request, options.apiKey)) {
        throw new Rejection('unauthorized', 'the API key is missing or wrong')
      }
      if (route === undefined) throw new Rejection('unknown_path', `${request.method} ${request.path}`)
      route.run({ state, request, answer })
    } catch (error) {
      if (!(error instanceof Rejection)) throw error
      const { status, body } = (route?.rejections ?? kind.rejections)(error)
      if (typeof body === 'string') answer.text(body, 'text/plain; charset=utf-8', status)
      else answer.json(body, status)
    }
  }

  async function open(): Promise<void> {
    clearTimeout(reopening)
    await listener.open()
  }

  async function shut(): Promise<void> {
    clearTimeout(reopening)
    traffic.breakAll()
    await listener.close()
  }

  const control: SimulatorControl = {
    async setFault(fault) {
      plan.add(fault)
      if (fault.kind !== 'refuse') return
      await shut()
      if (fault.forMs === undefined) return
      reopening = setTimeout(() => {
        plan.remove('refuse')
        // Another process may have taken the port meanwhile: then the simulator still refuses.
        open().catch(() => plan.add(fault))
      }, fault.forMs)
    },
    async clearFaults() {
      plan.clear()
      await open()
    },
    faults: () => plan.active,
    counters: () => traffic.counters(listener.openSockets),
    requests: () => traffic.requests,
    script(...next) {
      scripts.push(...next)
    },
    setModels(next) {
      models = next.map(completeModel)
    },
    models: () => models,
    memory: state.memory,
  }

  await listener.open()
  return {
    name,
    kind: options.kind,
    url: listener.url,
    port: listener.port,
    control,
    close: shut,
  }
}

/** @throws if the client leaves before it has sent everything */
async function readBody(
  incoming: IncomingMessage,
  pauseMs = 0,
  received: (bytes: number) => void = () => {},
): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) {
    if (!Buffer.isBuffer(chunk)) continue
    chunks.push(chunk)
    received(chunk.length)
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return Buffer.concat(chunks)
}

/** Resolves after the delay, or when the response has ended. */
function wait(delayMs: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, delayMs)
    response.once('close', done)
    function done(): void {
      clearTimeout(timer)
      response.off('close', done)
      resolve()
    }
  })
}
