import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { Ollama } from 'ollama'
import { get } from '../support/fleet.ts'
import { startGateway } from '../support/gateway.ts'
import { type ScriptedAnswer, type SeenRequest, scriptedServer } from '../support/scripted-server.ts'
import { withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const usage = { prompt_tokens: 5, completion_tokens: 2 }
const completion = (message: object, finish = 'stop') => ({
  model: 'native',
  choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finish }],
  usage,
})
const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').toString('base64')

/** An endpoint that has only chat and plain completions. */
function vllm(t: TestContext, answer: (request: SeenRequest) => ScriptedAnswer) {
  return scriptedServer(t, (request) => {
    if (request.path === '/health') return {}
    if (request.path === '/version') return { version: '0.12.0' }
    if (request.path === '/v1/models')
      return { data: [{ id: 'org/qwen3', max_model_len: 32_768 }, { id: 'bge-m3' }] }
    const isChat = request.path === '/v1/chat/completions' || request.path === '/v1/completions'
    return isChat ? answer(request) : { status: 404, body: { detail: 'Not Found' } }
  })
}

async function fleet(t: TestContext, answer: (request: SeenRequest) => ScriptedAnswer, engine = 'sherpa') {
  const gpu = await vllm(t, answer)
  const gateway = await startGateway(t, [{ url: gpu.url, name: 'gpu', type: 'vllm' }], {
    proxy: engineOf(engine),
  })
  gpu.seen.length = 0
  const requests = () => gpu.seen.filter(({ method }) => method === 'POST')
  return { gateway, requests, client: new Ollama({ host: gateway.url }) }
}

const model = 'org/qwen3'
const messages = [{ role: 'user', content: 'hi' }]

describe('Ollama’s API in front of a fleet without Ollama', () => {
  it('lists every model, shows each of them, and has the fields that editors require', async (t) => {
    const { gateway, client } = await fleet(t, () => undefined)
    const { models } = await client.list()
    assert.deepEqual(models.map(({ name }) => name).sort(), ['bge-m3', 'org/qwen3'])
    for (const { name, digest, modified_at } of models) {
      assert.match(digest, /^[0-9a-f]{64}$/)
      assert.ok(!Number.isNaN(Date.parse(String(modified_at))))
      const shown = (await client.show({ model: name })) as unknown as Record<string, unknown>
      // exo-explore/exo#2091: Copilot crashes if it is null.
      const info = shown.model_info as Record<string, unknown>
      const architecture = String(info['general.architecture'])
      assert.ok(architecture !== '' && info['general.basename'] !== undefined, name)
      assert.equal(typeof info[`${architecture}.context_length`], 'number', name)
      assert.ok(Array.isArray(shown.capabilities), name)
    }
    const { body } = await get(`${gateway.url}/api/version`)
    assert.match(String(body.version), /^\d+\.\d+\.\d+$/)
    for (const { expires_at } of (await client.ps()).models) {
      assert.match(String(expires_at), /(?:Z|[+-]\d\d:\d\d)$/)
    }
  })

  it('sends a chat to its chat route, with everything that it can express', async (t) => {
    const { requests, client } = await fleet(t, () =>
      completion(
        {
          content: null,
          reasoning_content: 'hm',
          tool_calls: [{ id: 'x', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
        },
        'tool_calls',
      ),
    )
    const schema = { type: 'object', properties: { a: { type: 'integer' } } }
    const { message, done_reason, prompt_eval_count, eval_count, total_duration } = await client.chat({
      model,
      messages: [
        { role: 'system', content: 'be kind' },
        { role: 'user', content: 'look', images: [png] },
        { role: 'assistant', content: '', tool_calls: [{ function: { name: 'f', arguments: { a: 2 } } }] },
        { role: 'tool', content: '2', tool_name: 'f' },
      ],
      tools: [{ type: 'function', function: { name: 'f', parameters: schema } }],
      format: schema,
      options: { num_predict: 7, temperature: 0, stop: ['END'], seed: 3 },
    })
    assert.deepEqual(message, {
      role: 'assistant',
      content: '',
      thinking: 'hm',
      tool_calls: [{ function: { name: 'f', arguments: { a: 1 } } }],
    })
    assert.deepEqual([done_reason, prompt_eval_count, eval_count], ['stop', 5, 2])
    assert.ok(Number.isSafeInteger(total_duration) && total_duration > 0)
    const [request] = requests()
    const sent = request?.json ?? {}
    assert.equal(request?.path, '/v1/chat/completions')
    const [system, user, assistant, tool] = sent.messages as Record<string, unknown>[]
    assert.deepEqual(system, { role: 'system', content: 'be kind' })
    assert.match(JSON.stringify(user), new RegExp(`data:image/png;base64,${png.replace(/[+/]/g, '\\$&')}`))
    const [call] = (assistant?.tool_calls ?? []) as { id: string; function: { arguments: string } }[]
    assert.deepEqual(JSON.parse(call?.function.arguments ?? ''), { a: 2 })
    assert.equal(tool?.tool_call_id, call?.id)
    assert.deepEqual([sent.max_tokens, sent.temperature, sent.seed, sent.stop], [7, 0, 3, ['END']])
    assert.deepEqual((sent.response_format as { json_schema: { schema: object } }).json_schema.schema, schema)
  })

  // open-webui/open-webui#7158, continuedev/continue#4542
  it('sends a prompt with a suffix, or a raw one, to plain completions', async (t) => {
    const { requests, client } = await fleet(t, () => ({
      choices: [{ index: 0, text: 'x', finish_reason: 'stop' }],
      usage,
    }))
    const filled = await client.generate({ model, prompt: 'def f(', suffix: '  return 1' })
    assert.equal(filled.response, 'x')
    assert.equal((await client.generate({ model, prompt: '[INST] hi', raw: true })).response, 'x')
    const [fill, raw] = requests()
    assert.deepEqual([fill?.path, raw?.path], ['/v1/completions', '/v1/completions'])
    assert.deepEqual([fill?.json?.prompt, fill?.json?.suffix], ['def f(', '  return 1'])
    assert.equal(raw?.json?.prompt, '[INST] hi')
  })

  it('loads and unloads a model without a request to the endpoint', async (t) => {
    const { gateway, requests, client } = await fleet(t, () => undefined)
    const cases = [
      [await client.chat({ model }), 'load'],
      [await client.chat({ model, messages: [], keep_alive: 0 }), 'unload'],
      [await client.generate({ model, prompt: '' }), 'load'],
      [await client.generate({ model, prompt: '', keep_alive: '0s' }), 'unload'],
    ] as const
    for (const [{ done, done_reason, model: named }, reason] of cases) {
      assert.deepEqual([done, done_reason, named], [true, reason, model])
    }
    // As the CLI sends it: with every field, and streamed.
    const body = JSON.stringify({
      model,
      prompt: '',
      suffix: '',
      stream: null,
      keep_alive: '5m',
      options: {},
    })
    const answer = await fetch(`${gateway.url}/api/generate`, { method: 'POST', body })
    assert.equal(answer.status, 200)
    assert.ok(answer.headers.get('x-olla-request-id'))
    assert.equal(((await answer.json()) as { done_reason: string }).done_reason, 'load')
    assert.deepEqual(requests(), [])
    await assert.rejects(client.chat({ model: 'other' }), { name: 'ResponseError', status_code: 404 })
  })

  it('refuses what it cannot read, with the field, and reports the endpoint’s errors as text', async (t) => {
    const { requests, client } = await fleet(t, () => ({
      status: 400,
      body: { error: { message: 'no such role', type: 'BadRequestError', code: 400 } },
    }))
    const wrong = { model, messages, options: { temperature: 'hot' } }
    await assert.rejects(client.chat(wrong as never), {
      status_code: 400,
      message: 'options.temperature: must be a number',
    })
    assert.deepEqual(requests(), [])
    await assert.rejects(client.chat({ model, messages }), { status_code: 400, message: /no such role/ })
  })
})

for (const engine of engines) {
  describe(`Ollama’s API in front of a mixed fleet, ${engine} engine`, () => {
    it('streams lines from either kind, and fails over from Ollama to another API', async (t) => {
      const box = await withSimulator(t, { kind: 'ollama', models: ['llama3.2:3b'] })
      const gpu = await withSimulator(t, { kind: 'vllm', models: ['llama3.2:3b'] })
      const gateway = await startGateway(
        t,
        [
          { url: box.url, name: 'box', type: 'ollama' },
          { url: gpu.url, name: 'gpu', type: 'vllm' },
        ],
        { proxy: engineOf(engine) },
      )
      const ask = async () => {
        const response = await fetch(`${gateway.url}/api/chat`, {
          method: 'POST',
          body: JSON.stringify({ model: 'llama3.2:3b', messages, options: { num_predict: 4 } }),
        })
        const lines = (await response.text()).trim().split('\n')
        const text = lines.map(
          (line) => (JSON.parse(line) as { message: { content: string } }).message.content,
        )
        return {
          response,
          text: text.join(''),
          last: JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>,
        }
      }
      const own = await ask()
      assert.match(own.text, /^\[ollama\]/)
      await fetch(`${box.url}/__simulator/faults`, {
        method: 'POST',
        body: JSON.stringify({ kind: 'status', status: 503, times: 1 }),
      })
      const other = await ask()
      assert.match(other.text, /^\[vllm\]/)
      assert.equal(other.response.headers.get('x-olla-mode'), 'translated')
      assert.match(other.response.headers.get('content-type') ?? '', /^application\/x-ndjson/)
      for (const { last } of [own, other]) {
        assert.deepEqual([last.done, last.done_reason, last.eval_count], [true, 'length', 4])
        assert.ok(Number.isSafeInteger(last.eval_duration) && Number(last.eval_duration) > 0)
      }
    })
  })
}
