import { isObject, listField, numberField, textField } from '../../../kernel/json/json-fields.ts'
import { type EngineApi, type EngineRequest, OperationError } from '../contract/operation.ts'

/** Ollama answers a request without a prompt once the model is in memory (docs/api.md, "Load a model"). */
function loadRequest({ model, isEmbedding, keepAlive }: EngineRequest): [path: string, body: object] {
  const kept = keepAlive === undefined ? {} : { keep_alive: keepAlive }
  // A model that only embeds is refused by the routes that generate.
  return isEmbedding
    ? ['/api/embed', { model, input: [], ...kept }]
    : ['/api/generate', { model, stream: false, ...kept }]
}

export const ollama: EngineApi = {
  usualTag: ':latest',
  operations: {
    async load(calls, request) {
      const [path, body] = loadRequest(request)
      await calls.ok('POST', path, body)
      return 'in memory'
    },
    /** The runner ends once its requests are over. */
    async unload(calls, { model }) {
      await calls.ok('POST', '/api/generate', { model, keep_alive: 0, stream: false })
      return 'not in memory'
    },
    async pull(calls, { model }, report) {
      let status = ''
      await calls.lines('/api/pull', { model, stream: true }, (line) => {
        status = textField(line, 'status') ?? status
        report({
          detail: status,
          completed: numberField(line, 'completed'),
          total: numberField(line, 'total'),
        })
      })
      if (status !== 'success') throw new OperationError('the answer ended before the success')
      return 'pulled'
    },
    async delete(calls, { model }) {
      await calls.ok('DELETE', '/api/delete', { model })
      return 'deleted'
    },
  },
  async loaded(calls) {
    const { json } = await calls.ok('GET', '/api/ps')
    const entries = listField(json, 'models').filter(isObject)
    return new Map(
      entries.flatMap((entry) => {
        const name = textField(entry, 'name') ?? textField(entry, 'model')
        const expiresAtMs = Date.parse(textField(entry, 'expires_at') ?? '')
        return name === undefined
          ? []
          : [[name, { expiresAtMs: Number.isNaN(expiresAtMs) ? undefined : expiresAtMs }] as const]
      }),
    )
  },
}
