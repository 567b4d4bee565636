import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type EndpointModelsSource, modelsView } from '../../../src/observe/views/models.ts'

const nowMs = Date.UTC(2026, 10, 22, 23, 55, 45)

const ollama: EndpointModelsSource = {
  id: '1bdvvze',
  name: 'mock-ollama',
  seenMs: nowMs - 18_000,
  models: [
    {
      name: 'llama3.1:8b',
      family: 'llama',
      sizeBytes: 4_000_000_000,
      parameterSize: '7B',
      quantization: 'Q4_0',
    },
    { name: 'shared' },
  ],
}
const vllm: EndpointModelsSource = {
  id: '0aaa',
  name: 'a-vllm',
  seenMs: nowMs - 5_000,
  models: [{ name: 'shared', type: 'llm', contextLength: 131_072, quantization: 'BF16' }],
}

describe('/internal/status/models', () => {
  it('has the contract’s keys and texts (appendix A)', () => {
    const item = {
      name: 'llama3.1:8b',
      last_seen: '18s ago',
      last_seen_at: '2026-11-22T23:55:27.000Z',
      family: 'llama',
      size: '3.73 GB',
      params: '7B',
      quant: 'Q4_0',
      endpoints: ['mock-ollama'],
      endpoint_ids: ['1bdvvze'],
    }
    const view = modelsView([{ ...ollama, models: ollama.models.slice(0, 1) }], true, nowMs)
    assert.deepEqual(view, {
      timestamp: '2026-11-22T23:55:45.000Z',
      models_by_family: { llama: ['llama3.1:8b'] },
      recent_models: [item],
      model_groups: [{ family: 'llama', models: [item], endpoints: ['mock-ollama'], model_count: 1 }],
      total_models: 1,
      total_families: 1,
      total_endpoints: 1,
    })
  })

  it('lists the endpoints with a model in memory, and the maximum context length', () => {
    const box: EndpointModelsSource = {
      ...ollama,
      models: [
        { name: 'shared', state: 'loaded', contextLength: 8192 },
        { name: 'idle', state: 'not-loaded' },
      ],
    }
    const view = modelsView([box, { ...vllm, alwaysLoaded: true }], false, nowMs)
    const [shared, idle] = ['shared', 'idle'].map((wanted) =>
      view.recent_models.find(({ name }) => name === wanted),
    )
    assert.deepEqual(shared?.loaded_endpoints, ['a-vllm', 'mock-ollama'])
    assert.equal(shared?.context_length, 131_072)
    assert.equal(idle?.loaded_endpoints, undefined)
    assert.equal(idle?.context_length, undefined)
  })

  it('lists a model of several endpoints once, with endpoints and IDs in the same order', () => {
    const view = modelsView([ollama, vllm], false, nowMs)
    const shared = view.recent_models.find(({ name }) => name === 'shared')
    assert.deepEqual(shared?.endpoints, ['a-vllm', 'mock-ollama'])
    assert.deepEqual(shared?.endpoint_ids, ['0aaa', '1bdvvze'])
    assert.equal(shared?.last_seen, '5s ago')
    assert.deepEqual(shared?.capabilities, ['text_generation', 'chat', 'long_context', 'high_precision'])
    assert.equal(view.total_models, 2)
    assert.ok(!('model_groups' in view))
  })

  it('combines reports of several endpoints, but takes size and quantization from one', () => {
    const models = [
      { name: 'm', quantization: 'BF16' },
      { name: 'm', family: 'llama', parameterSize: '8B', sizeBytes: 1024, quantization: 'Q4_0' },
    ]
    const view = modelsView(
      models.map((model, index) => ({ id: `${index}`, name: `${index}`, seenMs: nowMs, models: [model] })),
      false,
      nowMs,
    )
    const [item] = view.recent_models
    assert.partialDeepStrictEqual(item, { family: 'llama', params: '8B', quant: 'BF16' })
    assert.ok(item !== undefined && !('size' in item))
  })

  it('sorts models without a known family last, as "unknown"', () => {
    const view = modelsView([ollama, { ...vllm, models: [{ name: 'z', family: 'zebra' }] }], true, nowMs)
    assert.deepEqual(
      view.model_groups?.map(({ family }) => family),
      ['llama', 'zebra', 'unknown'],
    )
    assert.deepEqual(view.models_by_family.unknown, ['shared'])
  })

  it('shows the ten most recently seen, newest first, then by name', () => {
    const old = {
      ...ollama,
      models: Array.from({ length: 11 }, (_, index) => ({ name: `old-${String(index).padStart(2, '0')}` })),
    }
    const view = modelsView([old, vllm], false, nowMs)
    assert.deepEqual(
      view.recent_models.map(({ name }) => name),
      ['shared', ...old.models.slice(0, 9).map(({ name }) => name)],
    )
    assert.equal(view.total_models, 12)
  })

  it('handles names that are also keys of every object', () => {
    const odd = { ...vllm, models: [{ name: '__proto__', type: 'constructor', family: 'toString' }] }
    const view = modelsView([odd], true, nowMs)
    assert.deepEqual(view.models_by_family, { toString: ['__proto__'] })
    assert.equal(view.recent_models[0]?.name, '__proto__')
  })

  it('is empty before the first list', () => {
    assert.partialDeepStrictEqual(modelsView([], true, nowMs), {
      models_by_family: {},
      recent_models: [],
      model_groups: [],
      total_models: 0,
    })
  })
})
