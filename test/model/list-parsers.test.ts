import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ListFormatError, parseModelList } from '../../src/model/list-parsers.ts'

const parse = (format: 'openai' | 'ollama' | 'lmstudio', value: unknown) =>
  parseModelList(format, Buffer.from(JSON.stringify(value)))

describe('parseModelList', () => {
  it('reads an OpenAI list with what vLLM and llama.cpp add', () => {
    const { models } = parse('openai', {
      data: [
        { id: 'Org/Model-7B', owned_by: 'vllm', max_model_len: 32_768 },
        { id: 'gguf', owned_by: 'llamacpp', meta: { n_ctx_train: 8192, size: 1234 } },
      ],
    })
    assert.deepEqual(
      models.map(({ raw: _raw, ...model }) => model),
      [
        { name: 'Org/Model-7B', publisher: 'vllm', contextLength: 32_768 },
        { name: 'gguf', publisher: 'llamacpp', contextLength: 8192, sizeBytes: 1234 },
      ],
    )
  })

  it('reads an Ollama list', () => {
    const { models } = parse('ollama', {
      models: [
        {
          name: 'llama3.2:3b',
          size: 2e9,
          digest: 'abc',
          details: { family: 'llama', format: 'gguf', parameter_size: '3.2B', quantization_level: 'Q4_K_M' },
        },
      ],
    })
    const [model] = models
    assert.equal(model?.name, 'llama3.2:3b')
    assert.equal(model?.quantization, 'Q4_K_M')
    assert.equal(model?.digest, 'abc')
  })

  it('reads an LM Studio list with states', () => {
    const { models } = parse('lmstudio', {
      data: [
        { id: 'a', type: 'vlm', state: 'loaded', max_context_length: 4096, arch: 'qwen2' },
        { id: 'b', state: 'not-loaded' },
      ],
    })
    assert.deepEqual(
      models.map(({ state }) => state),
      ['loaded', 'not-loaded'],
    )
  })

  it('does not take any JSON for an empty Ollama list', () => {
    assert.throws(() => parse('ollama', { object: 'list', data: [] }), ListFormatError)
    assert.throws(() => parse('ollama', {}), ListFormatError)
    assert.throws(() => parseModelList('openai', Buffer.from('<html>')), ListFormatError)
  })

  it('skips bad entries and repeated names, and counts them', () => {
    const { models, skipped } = parse('openai', { data: [{ id: 'a' }, { id: 'a' }, {}, null, 7, { id: '' }] })
    assert.deepEqual(
      models.map(({ name }) => name),
      ['a'],
    )
    assert.equal(skipped, 5)
  })

  it('throws nothing but its own error, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('openai' as const, 'ollama' as const, 'lmstudio' as const),
        fc.json(),
        (format, text) => {
          try {
            parseModelList(format, Buffer.from(text))
          } catch (error) {
            assert.ok(error instanceof ListFormatError)
          }
        },
      ),
    )
  })
})
