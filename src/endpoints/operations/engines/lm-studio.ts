import {
  isObject,
  type JsonObject,
  listField,
  numberField,
  textField,
} from '../../../kernel/json/json-fields.ts'
import { type EngineApi, type EngineCalls, OperationError } from '../contract/operation.ts'

const pollMs = 1_000
const models = '/api/v1/models'

/** LM Studio from version 0.4 on (https://lmstudio.ai/docs/developer/rest). */
export const lmStudio: EngineApi = {
  operations: {
    /** A second load would put a second copy into memory. */
    async load(calls, { model }) {
      if ((await instancesOf(calls, model)).length > 0) return 'in memory already'
      await calls.ok('POST', `${models}/load`, { model })
      return 'in memory'
    },
    async unload(calls, { model }) {
      const ids = await instancesOf(calls, model)
      for (const id of ids) await calls.ok('POST', `${models}/unload`, { instance_id: id })
      return ids.length === 0 ? 'was not in memory' : 'not in memory'
    },
    async pull(calls, { model }, report) {
      let { json } = await calls.ok('POST', `${models}/download`, { model })
      const job = textField(json, 'job_id')
      for (;;) {
        const status = textField(json, 'status') ?? 'unknown'
        if (status === 'completed' || status === 'already_downloaded') return status.replaceAll('_', ' ')
        if (status === 'failed') throw new OperationError(`the download failed${reasonIn(json)}`)
        if (job === undefined) throw new OperationError('LM Studio named no download job')
        report({
          detail: status,
          completed: numberField(json, 'downloaded_bytes'),
          total: numberField(json, 'total_size_bytes'),
        })
        await calls.sleep(pollMs)
        json = (await calls.ok('GET', `${models}/download/status/${encodeURIComponent(job)}`)).json
      }
    },
  },
  async loaded(calls) {
    const entries = await list(calls)
    const loaded = entries.filter((entry) => listField(entry, 'loaded_instances').length > 0)
    return new Map(loaded.map((entry) => [textField(entry, 'key') ?? '', { expiresAtMs: undefined }]))
  },
}

async function list(calls: EngineCalls): Promise<readonly JsonObject[]> {
  const { json } = await calls.ok('GET', models)
  return listField(json, 'models').filter(isObject)
}

/** IDs of the copies of a model that are in memory. */
async function instancesOf(calls: EngineCalls, model: string): Promise<string[]> {
  const entry = (await list(calls)).find((each) => textField(each, 'key') === model)
  const instances = entry === undefined ? [] : listField(entry, 'loaded_instances').filter(isObject)
  return instances.flatMap((instance) => textField(instance, 'id') ?? [])
}

function reasonIn(json: JsonObject): string {
  const { error } = json
  const reason = typeof error === 'string' ? error : isObject(error) ? textField(error, 'message') : undefined
  return reason === undefined ? '' : `: ${reason}`
}
