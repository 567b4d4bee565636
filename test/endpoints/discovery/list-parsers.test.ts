import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  ListFormatError,
  maxModels,
  parseLoadedModels,
  parseModelList,
  readProps,
} from '../../../src/endpoints/discovery/list-parsers.ts'
import { listFormats } from '../../../src/endpoints/profiles/profile.ts'

type Format = (typeof listFormats)[number]
const parse = (format: Format, value: unknown) => parseModelList(format, Buffer.from(JSON.stringify(value)))
const names = (format: Format, value: unknown) => parse(format, value).models.map(({ name }) => name)

describe('parseModelList', () => {
  it('reads an OpenAI list with the extensions of vLLM and llama.cpp', () => {
    const { models } = parse('openai', {
      data: [
        { id: 'Org/Model-7B', owned_by: 'vllm', max_model_len: 32_768 },
        { id: 'gguf', owned_by: 'llamacpp', meta: { n_ctx_train: 8192, size: 1234, n_embd: 64 } },
      ],
    })
    assert.deepEqual(
      models.map(({ raw: _raw, ...model }) => model),
      [
        { name: 'Org/Model-7B', publisher: 'vllm', contextLength: 32_768 },
        { name: 'gguf', publisher: 'llamacpp', contextLength: 8192, sizeBytes: 1234, embeddingLength: 64 },
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
          capabilities: ['completion', 'tools'],
          details: {
            family: 'llama',
            families: ['llama', 'clip'],
            format: 'gguf',
            parameter_size: '3.2B',
            quantization_level: 'Q4_K_M',
            context_length: 131_072,
            embedding_length: 3072,
          },
        },
      ],
    })
    const [model] = models
    assert.equal(model?.name, 'llama3.2:3b')
    assert.equal(model?.quantization, 'Q4_K_M')
    assert.equal(model?.digest, 'abc')
    assert.equal(model?.contextLength, 131_072)
    assert.equal(model?.embeddingLength, 3072)
    assert.deepEqual(model?.families, ['llama', 'clip'])
    // Its list is complete: what it does not name the model cannot do.
    assert.equal(model?.abilities?.vision, false)
    assert.equal(model?.abilities?.tools, true)
  })

  it('reads both lists of LM Studio', () => {
    const { models } = parse('lmstudio', {
      data: [
        { id: 'a', type: 'vlm', state: 'loaded', max_context_length: 4096, loaded_context_length: 2048 },
        { id: 'b', type: 'llm', state: 'not-loaded', capabilities: ['tool_use'] },
        { id: 'e', type: 'embeddings' },
      ],
    })
    assert.deepEqual(
      models.map(({ state, abilities }) => [state, abilities]),
      [
        ['loaded', { vision: true, completion: true }],
        ['not-loaded', { completion: true, tools: true }],
        [undefined, { embedding: true, completion: false }],
      ],
    )
    assert.equal(models[0]?.contextInForce, 2048)
    const [model] = parse('lmstudio', {
      models: [
        {
          key: 'qwen/qwen3',
          type: 'llm',
          architecture: 'qwen3',
          quantization: { name: 'Q4_K_M', bits_per_weight: 4 },
          size_bytes: 5e9,
          params_string: '8B',
          max_context_length: 40_960,
          loaded_instances: [{ id: 'qwen/qwen3', config: { context_length: 8192 } }],
          capabilities: { vision: true, trained_for_tool_use: true },
        },
      ],
    }).models
    const { raw: _raw, ...rest } = model ?? {}
    assert.deepEqual(rest, {
      name: 'qwen/qwen3',
      type: 'llm',
      family: 'qwen3',
      quantization: 'Q4_K_M',
      parameterSize: '8B',
      sizeBytes: 5e9,
      state: 'loaded',
      contextLength: 40_960,
      contextInForce: 8192,
      capabilities: ['vision', 'trained_for_tool_use'],
      abilities: { vision: true, completion: true, tools: true },
    })
  })

  it('rejects other JSON as an Ollama list', () => {
    assert.throws(() => parse('ollama', { object: 'list', data: [] }), ListFormatError)
    assert.throws(() => parse('ollama', {}), ListFormatError)
    assert.throws(() => parseModelList('openai', Buffer.from('<html>')), ListFormatError)
    assert.throws(() => parse('openai', { error: { message: 'no' } }), ListFormatError)
    assert.throws(() => parse('openai', null), ListFormatError)
  })

  const loose: [string, Format, unknown, string[]][] = [
    ['null for no models, OpenAI', 'openai', { object: 'list', data: null }, []],
    ['null for no models, Ollama', 'ollama', { models: null }, []],
    ['null for no models, LM Studio', 'lmstudio', { data: null }, []],
    ['a bare list', 'openai', [{ id: 'a' }, { id: 'b' }], ['a', 'b']],
    ['a bare list, Ollama', 'ollama', [{ name: 'a' }], ['a']],
    ['an empty bare list', 'openai', [], []],
    ['bare names', 'openai', { data: ['a', 'b', 'a'] }, ['a', 'b']],
    ['bare names in a bare list', 'ollama', ['a'], ['a']],
    ['an object by name', 'openai', { data: { a: { owned_by: 'x' }, b: null } }, ['a', 'b']],
    ['an object by name, Ollama', 'ollama', { models: { 'a:1b': { size: 3 } } }, ['a:1b']],
    ['a list in an object', 'openai', { data: { data: [{ id: 'a' }] } }, ['a']],
    ['the name under name', 'openai', { data: [{ name: 'a' }] }, ['a']],
    ['the name under model', 'openai', { data: [{ model: 'a', name: '' }] }, ['a']],
    ['the name under key', 'openai', { data: [{ key: 'a' }] }, ['a']],
    ['the name under id, Ollama', 'ollama', { models: [{ id: 'a' }] }, ['a']],
    ['the other list’s key', 'openai', { models: [{ id: 'a' }] }, ['a']],
    ['the other list’s key, Ollama', 'ollama', { object: 'list', data: [{ id: 'a' }] }, ['a']],
    ['null beside the other list', 'openai', { data: null, models: [{ name: 'a' }] }, ['a']],
    ['unusable names', 'openai', { data: [{ id: 7 }, { id: 'a\nb' }, { id: 'x'.repeat(600) }, 3] }, []],
  ]
  for (const [what, format, document, expected] of loose) {
    it(`reads ${what}`, () => assert.deepEqual(names(format, document), expected))
  }

  it('skips a byte order mark', () => {
    const body = Buffer.from('\uFEFF{"data":[{"id":"a"}]}')
    assert.equal(parseModelList('openai', body).models.length, 1)
  })

  it('skips and counts bad entries and repeated names', () => {
    const { models, skipped } = parse('openai', { data: [{ id: 'a' }, { id: 'a' }, {}, null, 7, { id: '' }] })
    assert.deepEqual(
      models.map(({ name }) => name),
      ['a'],
    )
    assert.equal(skipped, 5)
  })

  it('rejects lists that are nested too deeply', () => {
    const deep = Buffer.from(`{"data":[{"id":"a","x":${'['.repeat(50_000)}${']'.repeat(50_000)}}]}`)
    assert.throws(() => parseModelList('openai', deep), /more than 64 levels/)
    assert.throws(() => parseLoadedModels('ollama', deep), ListFormatError)
    assert.equal(readProps(deep), undefined)
  })

  it('limits the number of models, and keeps only displayed fields of each entry', () => {
    const data = Array.from({ length: maxModels + 5 }, (_, index) => ({ id: `m${index}` }))
    const { models, cut } = parse('openai', { data })
    assert.equal(models.length, maxModels)
    assert.equal(cut, 5)
    const deep = `{"data":[{"id":"a","x":${'['.repeat(40)}${']'.repeat(40)},"meta":{"n_ctx":8,"y":{"z":1}},"parent":null}]}`
    assert.deepEqual(parseModelList('openai', Buffer.from(deep)).models[0]?.raw, {
      parent: null,
      meta: { n_ctx: 8 },
    })
  })

  it('throws only its own error for any input', () => {
    fc.assert(
      fc.property(fc.constantFrom(...listFormats), fc.json(), (format, text) => {
        try {
          parseModelList(format, Buffer.from(text))
          parseLoadedModels(format, Buffer.from(text))
          readProps(Buffer.from(text))
        } catch (error) {
          assert.ok(error instanceof ListFormatError)
        }
      }),
    )
  })
})

describe('the abilities in a list', () => {
  const cases: [string, Format, Record<string, unknown>, unknown][] = [
    ['nothing', 'openai', { id: 'm', object: 'model', type: 'model' }, undefined],
    [
      'llama.cpp',
      'openai',
      { id: 'm', architecture: { input_modalities: ['text'] } },
      { vision: false, audio: false },
    ],
    [
      'OpenRouter',
      'openai',
      {
        id: 'm',
        architecture: { input_modalities: ['text', 'image'], output_modalities: ['text'] },
        supported_parameters: ['max_tokens', 'tools'],
      },
      { vision: true, audio: false, completion: true, tools: true, thinking: false },
    ],
    [
      'a modality as text',
      'openai',
      { id: 'm', architecture: { modality: 'text+image->text' } },
      { vision: true, audio: false },
    ],
    [
      'Mistral',
      'openai',
      { id: 'm', capabilities: { completion_chat: true, function_calling: true, vision: false } },
      { completion: true, tools: true, vision: false },
    ],
    [
      'Anthropic',
      'openai',
      { id: 'm', capabilities: { image_input: { supported: true } } },
      { vision: true },
    ],
    [
      'flags',
      'openai',
      { id: 'm', supports_tools: false, supports_image_in: true },
      { tools: false, vision: true },
    ],
    ['a reranker', 'openai', { id: 'm', type: 'rerank' }, { completion: false }],
    ['a partial list', 'openai', { id: 'm', capabilities: ['vision'] }, { vision: true }],
    ['an old Ollama', 'ollama', { name: 'm' }, undefined],
    [
      'an Ollama clone with other values',
      'ollama',
      { name: 'm', capabilities: ['fast', 'tools'] },
      { tools: true },
    ],
    [
      'an embedding model of Ollama',
      'ollama',
      { name: 'm', capabilities: ['embedding'] },
      {
        embedding: true,
        completion: false,
        tools: false,
        vision: false,
        audio: false,
        thinking: false,
        insert: false,
      },
    ],
  ]
  for (const [what, format, entry, expected] of cases) {
    it(what, () => {
      assert.deepEqual(parse(format, { data: [entry], models: [entry] }).models[0]?.abilities, expected)
    })
  }

  it('include those of llama.cpp of 2025, from its second list', () => {
    const { models } = parse('openai', {
      data: [{ id: 'm' }],
      models: [{ name: 'm', capabilities: ['completion', 'multimodal'] }],
    })
    assert.deepEqual(models[0]?.abilities, { completion: true, vision: true })
  })

  it('include those of llama.cpp, from its properties', () => {
    const props = {
      default_generation_settings: { n_ctx: 4096 },
      modalities: { vision: false, audio: true },
      chat_template_caps: { supports_tool_calls: true },
      chat_template: '{% if enable_thinking %}<think>',
    }
    assert.deepEqual(readProps(Buffer.from(JSON.stringify(props))), {
      contextLength: 4096,
      abilities: { vision: false, audio: true, tools: true, thinking: true },
    })
    assert.deepEqual(readProps(Buffer.from('{}')), {})
    assert.equal(readProps(Buffer.from('no')), undefined)
  })
})

describe('parseLoadedModels', () => {
  it('reads the models that Ollama has in memory', () => {
    const entry = {
      name: 'm:1b',
      size: 9,
      size_vram: 6,
      expires_at: '2026-01-01T00:00:00Z',
      context_length: 8192,
    }
    const loaded = parseLoadedModels('ollama', Buffer.from(JSON.stringify({ models: [entry] })))
    assert.deepEqual(
      [...loaded],
      [['m:1b', { sizeBytes: 9, vramBytes: 6, expiresAt: '2026-01-01T00:00:00Z', contextLength: 8192 }]],
    )
    assert.equal(parseLoadedModels('ollama', Buffer.from('{"models":null}')).size, 0)
    assert.throws(() => parseLoadedModels('ollama', Buffer.from('{}')), ListFormatError)
  })
})
