import type { CompleteModel, SimulatorState } from './model.ts'
import { Rejection } from './rejections.ts'
import { type Exchange, info, modelNamed, type RouteTable } from './route.ts'

/** What an engine does with its models, apart from answering. */
export interface EngineMemory {
  /** Milliseconds that a model takes to load, or a part of a download. */
  readonly loadMs: number
  /** Whether llama.cpp runs as a router. */
  readonly isRouter: boolean
  isAsleep: boolean
  /** Names of models that are being loaded or downloaded. */
  readonly busy: Map<string, 'loading' | 'downloading'>
  /** Copies in memory by model, of LM Studio. */
  readonly copies: Map<string, number>
  readonly downloads: Map<string, { readonly model: string; parts: number }>
  readonly adapters: Set<string>
  /** Models whose load fails. */
  readonly broken: Set<string>
}

export function engineMemory({ loadMs = 0, isRouter = false }: Partial<EngineMemory>): EngineMemory {
  return {
    loadMs,
    isRouter,
    isAsleep: false,
    busy: new Map(),
    copies: new Map(),
    downloads: new Map(),
    adapters: new Set(),
    broken: new Set(),
  }
}

const downloadParts = 4

export function setLoaded({ models, setModels }: SimulatorState, name: string, loaded: boolean): void {
  setModels(models.map((model) => (model.name === name ? { ...model, loaded } : model)))
}

function add({ models, setModels }: SimulatorState, model: CompleteModel): void {
  setModels([...models.filter(({ name }) => name !== model.name), model])
}

/** Runs after the time that a load takes, unless the client has left. */
export function afterLoad({ state, answer }: Exchange, run: () => void): void {
  answer.after(state.memory.loadMs, run)
}

function modelIn({ state, request }: Exchange): CompleteModel {
  const { model } = request.json()
  if (typeof model !== 'string') throw new Rejection('bad_request', 'model is required')
  return modelNamed(state, model)
}

/** LM Studio's routes from 0.4 on. A load of a loaded model makes a second copy. */
export const lmStudioModelRoutes: RouteTable = {
  'GET /api/v1/models': info(({ state, answer }) => {
    const models = state.models.map(({ name, type, loaded, contextLength }) => ({
      type: type === 'embeddings' ? 'embedding' : 'llm',
      key: name,
      loaded_instances: Array.from({ length: loaded ? copiesOf(state, name) : 0 }, (_, at) => ({
        id: at === 0 ? name : `${name}:${at + 1}`,
        config: { context_length: contextLength, parallel: 4 },
      })),
      max_context_length: contextLength,
    }))
    answer.json({ models })
  }),
  'POST /api/v1/models/load': info((exchange) => {
    const { state, answer } = exchange
    const { name, loaded } = modelIn(exchange)
    afterLoad(exchange, () => {
      if (state.memory.broken.has(name)) {
        answer.json({ error: { type: 'model_load_failed', message: 'not enough memory' } }, 500)
        return
      }
      const copies = loaded ? copiesOf(state, name) + 1 : 1
      state.memory.copies.set(name, copies)
      setLoaded(state, name, true)
      const id = copies === 1 ? name : `${name}:${copies}`
      answer.json({ type: 'llm', instance_id: id, status: 'loaded', load_time_seconds: 0.1 })
    })
  }),
  'POST /api/v1/models/unload': info(({ state, request, answer }) => {
    const { instance_id: id } = request.json()
    const name = String(id).replace(/:\d+$/, '')
    const known = state.models.find((model) => (model.name === id || model.name === name) && model.loaded)
    if (known === undefined) throw new Rejection('unknown_model', String(id))
    const left = copiesOf(state, known.name) - 1
    state.memory.copies.set(known.name, Math.max(1, left))
    if (left <= 0) setLoaded(state, known.name, false)
    answer.json({ instance_id: id })
  }),
  'POST /api/v1/models/download': info(({ state, request, answer }) => {
    const { model } = request.json()
    if (typeof model !== 'string') throw new Rejection('bad_request', 'model is required')
    if (state.models.some(({ name }) => name === model)) {
      answer.json({ status: 'already_downloaded' })
      return
    }
    const id = `job_${state.memory.downloads.size + 1}`
    state.memory.downloads.set(id, { model, parts: 0 })
    answer.json({ job_id: id, status: 'downloading', total_size_bytes: downloadParts * 1_000 })
  }),
  'GET /api/v1/models/download/status/*': info(({ state, request, answer }) => {
    const id = request.path.slice(request.path.lastIndexOf('/') + 1)
    const job = state.memory.downloads.get(id)
    if (job === undefined) throw new Rejection('unknown_path', id)
    job.parts = Math.min(downloadParts, job.parts + 1)
    const hasFailed = job.model.startsWith('missing')
    const isDone = job.parts === downloadParts
    if (isDone && !hasFailed) add(state, { ...state.complete(job.model), loaded: false })
    answer.json({
      job_id: id,
      status: hasFailed ? 'failed' : isDone ? 'completed' : 'downloading',
      total_size_bytes: downloadParts * 1_000,
      downloaded_bytes: job.parts * 1_000,
    })
  }),
}

function copiesOf({ memory }: SimulatorState, name: string): number {
  return memory.copies.get(name) ?? 1
}

/** The entry of a model in the list of a llama.cpp router; undefined for a server with one model. */
export function routerStatus(state: SimulatorState, { name, loaded }: CompleteModel): object | undefined {
  const { isRouter, busy, broken } = state.memory
  if (!isRouter) return undefined
  const value = busy.get(name) ?? (loaded ? 'loaded' : 'unloaded')
  const hasFailed = broken.has(name) && !busy.has(name) && !loaded
  return { status: { value, args: ['llama-server'], ...(hasFailed ? { failed: true, exit_code: 1 } : {}) } }
}

/** Routes of a llama.cpp router, which answers before the work is done. A server with one model lacks them. */
export const llamaRouterRoutes: RouteTable = {
  'POST /models/load': info((exchange) => {
    const { state, answer } = exchange
    needsRouter(state)
    const { name, loaded } = modelIn(exchange)
    if (loaded || state.memory.busy.has(name)) throw new Rejection('bad_request', 'model is already running')
    state.memory.busy.set(name, 'loading')
    setTimeout(() => {
      state.memory.busy.delete(name)
      setLoaded(state, name, !state.memory.broken.has(name))
    }, state.memory.loadMs)
    answer.json({ success: true })
  }),
  'POST /models/unload': info((exchange) => {
    const { state, answer } = exchange
    needsRouter(state)
    const { name, loaded } = modelIn(exchange)
    if (!loaded) throw new Rejection('bad_request', 'model is not running')
    setLoaded(state, name, false)
    answer.json({ success: true })
  }),
  'POST /models': info(({ state, request, answer }) => {
    needsRouter(state)
    const { model } = request.json()
    if (typeof model !== 'string') throw new Rejection('bad_request', 'model is required')
    add(state, { ...state.complete(model), loaded: false })
    state.memory.busy.set(model, 'downloading')
    setTimeout(() => state.memory.busy.delete(model), state.memory.loadMs)
    answer.json({ success: true })
  }),
  'DELETE /models': info(({ state, request, answer }) => {
    needsRouter(state)
    const model = new URL(request.url, 'http://simulator').searchParams.get('model') ?? ''
    const { name } = modelNamed(state, model)
    state.setModels(state.models.filter((each) => each.name !== name))
    answer.json({ success: true })
  }),
}

function needsRouter({ memory }: SimulatorState): void {
  if (!memory.isRouter) throw new Rejection('unknown_path', '/models/load')
}

/** vLLM's sleep mode and LoRA adapters at run time. */
export const vllmModelRoutes: RouteTable = {
  'GET /is_sleeping': info(({ state, answer }) => answer.json({ is_sleeping: state.memory.isAsleep })),
  'POST /sleep': info((exchange) =>
    afterLoad(exchange, () => {
      exchange.state.memory.isAsleep = true
      exchange.answer.text('', 'text/plain; charset=utf-8')
    }),
  ),
  'POST /wake_up': info((exchange) =>
    afterLoad(exchange, () => {
      exchange.state.memory.isAsleep = false
      exchange.answer.text('', 'text/plain; charset=utf-8')
    }),
  ),
  'POST /v1/load_lora_adapter': info(loadAdapter),
  'POST /v1/unload_lora_adapter': info(unloadAdapter),
}

export const sglangModelRoutes: RouteTable = {
  'POST /load_lora_adapter': info(loadAdapter),
  'POST /unload_lora_adapter': info(unloadAdapter),
}

function loadAdapter({ state, request, answer }: Exchange): void {
  const { lora_name: name, lora_path: path } = request.json()
  if (typeof name !== 'string' || typeof path !== 'string')
    throw new Rejection('bad_request', 'lora_name and lora_path are required')
  if (state.memory.adapters.has(name))
    throw new Rejection('bad_request', `The lora adapter '${name}' has already been loaded.`)
  state.memory.adapters.add(name)
  add(state, { ...state.complete(name), loaded: true })
  answer.text(`Success: LoRA adapter '${name}' added successfully.`, 'text/plain; charset=utf-8')
}

function unloadAdapter({ state, request, answer }: Exchange): void {
  const { lora_name: name } = request.json()
  if (typeof name !== 'string' || !state.memory.adapters.delete(name))
    throw new Rejection('bad_request', `The lora adapter '${String(name)}' cannot be found.`)
  state.setModels(state.models.filter((model) => model.name !== name))
  answer.text(`Success: LoRA adapter '${name}' removed successfully.`, 'text/plain; charset=utf-8')
}
