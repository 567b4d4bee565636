import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { get } from '../support/fleet.ts'
import { startGateway } from '../support/gateway.ts'
import { type ScriptedAnswer, type SeenRequest, scriptedServer } from '../support/scripted-server.ts'
import { eventually } from '../support/simulator.ts'

const digest = 'a'.repeat(64)
const shown = {
  license: 'L',
  template: 'T',
  capabilities: ['completion', 'tools', 'thinking'],
  details: { family: 'qwen3' },
  model_info: { 'general.architecture': 'qwen3', 'qwen3.context_length': 40_960 },
}

type Answers = Readonly<Record<string, (request: SeenRequest) => ScriptedAnswer>>

/** An Ollama server with a model, a copy of it, and one that only embeds. */
function ollama(t: TestContext, answers: Answers = {}, version = '0.13.0') {
  const entry = (name: string, more: object = {}) => ({
    name,
    model: name,
    modified_at: '2026-01-01T00:00:00Z',
    size: 1e9,
    digest,
    capabilities: ['completion', 'tools', 'thinking'],
    details: {
      family: 'qwen3',
      families: ['qwen3'],
      parameter_size: '8.2B',
      quantization_level: 'Q4_K_M',
      format: 'gguf',
      context_length: 40_960,
      embedding_length: 4096,
    },
    ...more,
  })
  const memory = { size: 6e9, size_vram: 3e9, digest, context_length: 8192 }
  return scriptedServer(t, (request) => {
    const scripted = answers[request.path]
    if (scripted !== undefined) return scripted(request)
    switch (request.path) {
      case '/':
        return {}
      case '/api/version':
        return { version }
      case '/api/tags':
        return {
          models: [
            entry('qwen3:latest'),
            entry('gpt-4:latest'),
            entry('emb:latest', { capabilities: ['embedding'] }),
          ],
        }
      case '/api/ps':
        return { models: [{ ...memory, name: 'qwen3:latest', expires_at: '2099-01-01T00:00:00.5+02:00' }] }
      case '/api/show':
        return shown
      case '/api/chat':
      case '/api/generate':
      case '/api/embed':
      case '/api/embeddings':
        return { model: request.json?.model, response: 'ok', done: true }
      default:
        return undefined
    }
  })
}

function vllm(t: TestContext) {
  return scriptedServer(t, ({ path }) => {
    if (path === '/health') return {}
    if (path === '/version') return { version: '0.12.0' }
    if (path === '/v1/models')
      return { data: [{ id: 'qwen3-coder', owned_by: 'vllm', max_model_len: 32_768 }, { id: 'bge-m3' }] }
    return { status: 404, body: { detail: 'Not Found' } }
  })
}

const untranslated = { proxy: { translation: { enabled: false } } }

async function fleet(t: TestContext, sections: Record<string, Record<string, unknown>> = {}) {
  const box = await ollama(t)
  const gpu = await vllm(t)
  const gateway = await startGateway(
    t,
    [
      { url: box.url, name: 'box', type: 'ollama' },
      { url: gpu.url, name: 'gpu', type: 'vllm' },
    ],
    { model_aliases: { fast: ['qwen3'], coder: ['qwen3-coder'] }, ...sections },
  )
  box.seen.length = 0
  gpu.seen.length = 0
  return { box, gpu, gateway }
}

interface OllamaEntry {
  readonly name: string
  readonly digest: string
  readonly expires_at: string
  readonly [field: string]: unknown
}
const entriesOf = async (url: string) => (await get(url)).body.models as unknown as OllamaEntry[]

const post = async (url: string, body: string, headers: Record<string, string> = {}) => {
  const response = await fetch(url, { method: 'POST', body, headers })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  }
}
/** As `curl -d` says it. */
const form = { 'content-type': 'application/x-www-form-urlencoded' }

describe('Ollama’s API', () => {
  it('lists the models its clients can use, each name of a shared digest too, and never an empty digest', async (t) => {
    const { gateway } = await fleet(t)
    const models = await entriesOf(`${gateway.url}/api/tags`)
    assert.deepEqual(
      models.map(({ name }) => name),
      ['bge-m3', 'coder', 'emb:latest', 'fast', 'gpt-4:latest', 'qwen3-coder', 'qwen3:latest'],
    )
    for (const { name, digest: shownDigest } of models) assert.match(shownDigest, /^[0-9a-f]{64}$/, name)
    const qwen = models.find(({ name }) => name === 'qwen3:latest')
    assert.deepEqual(qwen?.capabilities, ['completion', 'tools', 'thinking'])
    assert.deepEqual(qwen?.details, {
      parent_model: '',
      format: 'gguf',
      family: 'qwen3',
      families: ['qwen3'],
      parameter_size: '8.2B',
      quantization_level: 'Q4_K_M',
      context_length: 40_960,
      embedding_length: 4096,
    })
    for (const path of ['/v1/models', '/olla/models', '/olla/proxy/v1/models', '/olla/ollama/v1/models']) {
      const ids = ((await get(`${gateway.url}${path}`)).body.data as unknown as { id: string }[]).map(
        ({ id }) => id,
      )
      assert.ok(ids.includes('gpt-4:latest') && ids.includes('qwen3:latest'), path)
    }
    assert.equal((await get(`${gateway.url}/v1/models/gpt-4`)).body.id, 'gpt-4:latest')
    const own = await entriesOf(`${gateway.url}/olla/ollama/api/tags`)
    assert.ok(own.every((model) => model.digest.length === 64))
  })

  it("lists only models of endpoints with Ollama's API if the gateway does not translate", async (t) => {
    const { gateway } = await fleet(t, untranslated)
    const models = await entriesOf(`${gateway.url}/api/tags`)
    assert.deepEqual(
      models.map(({ name }) => name),
      ['emb:latest', 'fast', 'gpt-4:latest', 'qwen3:latest'],
    )
  })

  it('lists the models in memory as the endpoint reports them, without those that are stopping', async (t) => {
    const { gateway } = await fleet(t, { ...untranslated, discovery: { residency_interval: '100ms' } })
    let models: OllamaEntry[] = []
    await eventually(async () => {
      models = await entriesOf(`${gateway.url}/api/ps`)
      return models.length > 0
    })
    const [running] = models.filter(({ name }) => name === 'qwen3:latest')
    assert.equal(running?.size, 6e9)
    assert.equal(running?.size_vram, 3e9)
    assert.equal(running?.context_length, 8192)
    assert.equal(running?.expires_at, '2099-01-01T00:00:00.5+02:00')
    assert.ok(models.every(({ name }) => name !== 'qwen3-coder'))
  })

  it("reports the fleet's lowest version, and one that editors accept without any Ollama", async (t) => {
    const old = await ollama(t, {}, '0.9.2')
    const fresh = await ollama(t, {}, '0.13.0')
    const built = await ollama(t, {}, '0.0.0')
    const gpu = await vllm(t)
    const cases = [
      [[old, fresh, built], 'ollama', '0.9.2'],
      [[built], 'ollama', '0.13.4'],
      [[gpu], 'vllm', '0.13.4'],
    ] as const
    for (const [servers, type, expected] of cases) {
      const gateway = await startGateway(
        t,
        servers.map(({ url }, index) => ({ url, name: `e${index}`, type })),
      )
      assert.deepEqual((await get(`${gateway.url}/api/version`)).body, { version: expected })
    }
  })

  describe('shows a model', () => {
    // The first is what the CLI sends: Go writes every field.
    const bodies: [string, string, string][] = [
      [
        'the CLI’s body',
        '{"model":"","name":"qwen3:latest","system":"","template":"","verbose":false,"options":null}',
        'qwen3:latest',
      ],
      ['without the tag', '{"model":"qwen3"}', 'qwen3:latest'],
      ['the older field', '{"name":"qwen3"}', 'qwen3:latest'],
      ['both fields', '{"model":"qwen3","name":""}', 'qwen3:latest'],
      ['in another case', '{"model":"QWEN3:latest"}', 'qwen3:latest'],
      ['an alias', '{"model":"fast"}', 'qwen3:latest'],
      ['an alias with a tag', '{"model":"fast:latest"}', 'qwen3:latest'],
      ['a copy', '{"model":"gpt-4","verbose":true}', 'gpt-4:latest'],
    ]
    for (const [what, body, native] of bodies) {
      it(`from the endpoint that has it: ${what}`, async (t) => {
        const { gateway, box, gpu } = await fleet(t)
        for (const path of ['/api/show', '/olla/ollama/api/show']) {
          for (const headers of [
            form,
            { 'content-type': 'application/json' },
            { 'content-type': 'text/plain' },
          ]) {
            const answer = await post(`${gateway.url}${path}`, body, headers)
            assert.equal(answer.status, 200)
            assert.deepEqual(answer.body, shown)
            assert.equal(answer.headers.get('x-olla-endpoint'), 'box')
          }
        }
        const asked = box.seen.filter((request) => request.path === '/api/show')
        assert.equal(asked.length, 6)
        assert.equal(asked[0]?.json?.model, native)
        assert.equal(asked[0]?.json?.verbose, JSON.parse(body).verbose)
        assert.ok(gpu.seen.every((request) => request.path !== '/api/show'))
      })
    }

    it('of another backend type from the catalogue', async (t) => {
      const { gateway } = await fleet(t)
      const { status, body } = await post(`${gateway.url}/api/show`, '{"name":"coder"}', form)
      assert.equal(status, 200)
      assert.deepEqual(body.capabilities, ['completion', 'tools'])
      const info = body.model_info as Record<string, unknown>
      const architecture = info['general.architecture']
      assert.equal(info[`${architecture}.context_length`], 32_768)
      // The CLI of 0.5 panics without it.
      assert.equal(typeof info[`${architecture}.embedding_length`], 'number')
      assert.equal(typeof info['general.parameter_count'], 'number')
    })

    it('reports errors in Ollama’s wording', async (t) => {
      const { gateway } = await fleet(t)
      const cases: [string, number, RegExp][] = [
        ['{"model":"nobody"}', 404, /model 'nobody' not found/],
        ['{"model":"","name":""}', 400, /model is required/],
        ['{"model":7}', 400, /model is required/],
        ['', 400, /missing request body/],
        ['{"model"', 400, /JSON/],
        ['[]', 400, /JSON/],
      ]
      for (const [body, status, words] of cases) {
        const answer = await post(`${gateway.url}/api/show`, body, form)
        assert.equal(answer.status, status, body)
        assert.match(String(answer.body.error), words)
      }
    })

    const failures: [string, (request: SeenRequest) => ScriptedAnswer][] = [
      ['with 500', () => ({ status: 500, body: { error: 'runner gone' } })],
      ['with an error in a 200', () => ({ error: 'runner gone' })],
      ['with a page', () => ({ status: 200, body: '<html>' })],
      ['that it has it no more', () => ({ status: 404, body: { error: "model 'qwen3:latest' not found" } })],
    ]
    for (const [how, answer] of failures) {
      it(`from the next endpoint if one answers ${how}`, async (t) => {
        const bad = await ollama(t, { '/api/show': answer })
        const good = await ollama(t)
        const gateway = await startGateway(t, [
          { url: bad.url, name: 'bad', type: 'ollama' },
          { url: good.url, name: 'good', type: 'ollama' },
        ])
        const { status, body, headers } = await post(`${gateway.url}/api/show`, '{"model":"qwen3"}')
        assert.equal(status, 200)
        assert.equal(headers.get('x-olla-endpoint'), 'good')
        assert.deepEqual(body, shown)
      })
    }

    it('from the catalogue if no endpoint answers, but not if the model was removed', async (t) => {
      const mute = await ollama(t, { '/api/show': () => undefined })
      const empty = await ollama(t, {
        '/api/show': () => ({ status: 404, body: { error: "model 'qwen3:latest' not found" } }),
      })
      const known = await startGateway(t, [{ url: mute.url, name: 'mute', type: 'ollama' }])
      const { status, body } = await post(`${known.url}/api/show`, '{"model":"qwen3"}')
      assert.equal(status, 200)
      assert.deepEqual(body.capabilities, ['completion', 'tools', 'thinking'])
      const gone = await startGateway(t, [{ url: empty.url, name: 'empty', type: 'ollama' }])
      assert.equal((await post(`${gone.url}/api/show`, '{"model":"qwen3"}')).status, 404)
    })
  })

  it('has the fields that VS Code and Zed need to offer a model to an agent', async (t) => {
    const { gateway } = await fleet(t, untranslated)
    const { version } = (await get(`${gateway.url}/api/version`)).body as unknown as { version: string }
    const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
    assert.ok(major * 1e6 + minor * 1e3 + patch >= 6_004, 'VS Code refuses what is older than 0.6.4')
    for (const { name } of await entriesOf(`${gateway.url}/api/tags`)) {
      if (name === 'emb:latest') continue
      const { body } = await post(`${gateway.url}/api/show`, JSON.stringify({ model: name }), form)
      assert.ok((body.capabilities as string[]).includes('tools'), name)
      const info = body.model_info as Record<string, unknown>
      assert.equal(info[`${info['general.architecture']}.context_length`], 40_960, name)
    }
  })

  describe('as its documentation calls it, with curl -d', () => {
    const requests: [string, object][] = [
      ['/api/generate', { prompt: 'Why is the sky blue?' }],
      ['/api/generate', { prompt: 'x', stream: false, options: { temperature: 0 } }],
      ['/api/generate', {}],
      ['/api/generate', { keep_alive: 0 }],
      ['/api/chat', { messages: [{ role: 'user', content: 'why is the sky blue?' }] }],
      ['/api/chat', { messages: [], keep_alive: 0 }],
      ['/api/embed', { input: ['a', 'b'] }],
      ['/api/embeddings', { prompt: 'x' }],
      ['/api/show', {}],
      ['/api/show', { verbose: true }],
    ]
    it('reaches the endpoint that has the model', async (t) => {
      const one = await ollama(t, { '/api/tags': () => ({ models: [{ name: 'llama3.2:latest' }] }) })
      const other = await ollama(t, { '/api/tags': () => ({ models: [{ name: 'qwen3:latest' }] }) })
      const gateway = await startGateway(
        t,
        [
          { url: one.url, name: 'one', type: 'ollama' },
          { url: other.url, name: 'other', type: 'ollama' },
        ],
        { proxy: { load_balancer: 'round-robin' } },
      )
      for (const base of ['', '/olla/ollama', '/olla/proxy']) {
        for (const [path, more] of requests) {
          for (const [model, server] of [
            ['qwen3', 'other'],
            ['llama3.2', 'one'],
          ]) {
            const what = `${base}${path} ${JSON.stringify(more)}`
            const answer = await post(
              `${gateway.url}${base}${path}`,
              JSON.stringify({ model, ...more }),
              form,
            )
            assert.equal(answer.status, 200, what)
            assert.equal(answer.headers.get('x-olla-endpoint'), server, what)
          }
        }
      }
      for (const path of ['/api/tags', '/api/ps', '/api/version'])
        assert.equal((await get(`${gateway.url}${path}`)).status, 200)
    })
  })

  it('hides what a filter forbids from every list and from show, with and without the tag', async (t) => {
    const { gateway } = await fleet(t, { model_filter: { exclude: ['gpt-4', 'bge*'] } })
    for (const path of ['/v1/models', '/olla/models', '/api/tags', '/olla/ollama/api/tags']) {
      const { body } = await get(`${gateway.url}${path}`)
      assert.doesNotMatch(
        JSON.stringify(body.data ?? (body.models as unknown)),
        /"(?:gpt-4(?::latest)?|bge-m3)"/,
        path,
      )
    }
    for (const model of ['gpt-4', 'gpt-4:latest', 'GPT-4']) {
      assert.equal((await post(`${gateway.url}/api/show`, JSON.stringify({ model }))).status, 404)
      const chat = await post(`${gateway.url}/api/chat`, JSON.stringify({ model }), {
        'content-type': 'application/json',
      })
      assert.equal(chat.status, 404, model)
    }
  })
})
