import {
  isObject,
  type JsonObject,
  listField,
  numberField,
  objectField,
  textField,
} from '../../../kernel/json/json-fields.ts'
import {
  type EngineApi,
  type EngineCalls,
  type EngineProgress,
  OperationError,
  type RunOperation,
} from '../contract/operation.ts'

const pollMs = 500
const noRouter =
  'the server runs one model; only router mode (llama-server without --model) can load, unload and pull models'

/** llama.cpp's server in router mode (tools/server/README.md): it answers at once, and its list shows the state. */
export const llamacpp: EngineApi = {
  operations: {
    async load(calls, { model }, report) {
      const { value } = await statusOf(calls, model)
      if (value === 'loaded' || value === 'sleeping') return 'in memory already'
      if (value !== 'loading') await calls.ok('POST', '/models/load', { model })
      await until(calls, model, report, ['loaded', 'sleeping'])
      return 'in memory'
    },
    async unload(calls, { model }, report) {
      const { value } = await statusOf(calls, model)
      if (value === 'unloaded') return 'was not in memory'
      await calls.ok('POST', '/models/unload', { model })
      await until(calls, model, report, ['unloaded'])
      return 'not in memory'
    },
    pull: asRouter(async (calls, { model }, report) => {
      await calls.ok('POST', '/models', { model })
      await until(calls, model, report, ['unloaded', 'loading', 'loaded', 'sleeping'])
      return 'pulled'
    }),
    delete: asRouter(async (calls, { model }) => {
      await calls.ok('DELETE', `/models?model=${encodeURIComponent(model)}`)
      return 'deleted'
    }),
  },
  async loaded(calls) {
    const entries = await list(calls)
    const loaded = entries.filter((entry) => ['loaded', 'sleeping'].includes(status(entry).value))
    return new Map(loaded.map((entry) => [textField(entry, 'id') ?? '', { expiresAtMs: undefined }]))
  },
}

interface ModelStatus {
  readonly value: string
  readonly hasFailed: boolean
  readonly exitCode: number | undefined
  readonly completed: number | undefined
  readonly total: number | undefined
}

function status(entry: JsonObject): ModelStatus {
  const found = objectField(entry, 'status') ?? {}
  const progress = objectField(found, 'progress') ?? {}
  return {
    value: textField(found, 'value') ?? 'unknown',
    hasFailed: found.failed === true,
    exitCode: numberField(found, 'exit_code'),
    completed: numberField(progress, 'downloaded') ?? numberField(progress, 'completed'),
    total: numberField(progress, 'total'),
  }
}

/** @throws OperationError if the server is no router */
async function list(calls: EngineCalls): Promise<readonly JsonObject[]> {
  const { json } = await calls.ok('GET', '/models')
  const entries = listField(json, 'data').filter(isObject)
  if (entries.some((entry) => !isObject(entry.status))) throw new OperationError(noRouter)
  return entries
}

async function statusOf(calls: EngineCalls, model: string): Promise<ModelStatus> {
  const entry = (await list(calls)).find((each) => textField(each, 'id') === model)
  if (entry === undefined) throw new OperationError('the server does not list this model')
  return status(entry)
}

/** A server with one model has no such route, or another meaning for it. */
function asRouter(run: RunOperation): RunOperation {
  return async (calls, request, report) => {
    await list(calls)
    return run(calls, request, report)
  }
}

async function until(
  calls: EngineCalls,
  model: string,
  report: (progress: EngineProgress) => void,
  wanted: readonly string[],
): Promise<void> {
  for (;;) {
    const { value, hasFailed, exitCode, completed, total } = await statusOf(calls, model)
    if (hasFailed) {
      throw new OperationError(`its process ended${exitCode === undefined ? '' : ` with code ${exitCode}`}`)
    }
    if (wanted.includes(value)) return
    report({ detail: value, completed, total })
    await calls.sleep(pollMs)
  }
}
