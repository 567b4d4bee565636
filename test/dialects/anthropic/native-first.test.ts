import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startGateway } from '../../support/gateway.ts'
import { startScriptedEndpoint } from '../../support/scripted-endpoint.ts'
import { lastPost } from '../../support/simulator.ts'
import { behind, model, postMessages, request } from './support.ts'

describe('endpoints with the Messages API', () => {
  it('take precedence, whatever the load', async (t) => {
    const all = await behind(t, ['sglang', 'openai-compatible', 'vllm'], {
      proxy: { load_balancer: 'round-robin' },
    })
    for (let count = 0; count < 6; count++) {
      const response = await postMessages(all, { ...request, max_tokens: 1 })
      assert.equal(response.headers.get('x-olla-endpoint'), 'vllm')
      assert.equal(response.headers.get('x-olla-mode'), 'passthrough')
      await response.text()
    }
  })

  it('fall back to a translation if none of them answers', async (t) => {
    const all = await behind(t, ['sglang', 'vllm'])
    await all.simulators[1]?.control.setFault({ kind: 'refuse' })
    const response = await postMessages(all, request)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('x-olla-endpoint'), 'sglang')
    assert.equal(response.headers.get('x-olla-mode'), null)
  })

  it('have no precedence if every request is translated', async (t) => {
    const all = await behind(t, ['sglang', 'vllm'], {
      translators: { anthropic: { passthrough_enabled: false } },
    })
    const response = await postMessages(all, request)
    assert.equal(response.headers.get('x-olla-endpoint'), 'sglang')
  })

  it('get translations without another try if the server is too old for the route', async (t) => {
    const asked: string[] = []
    const old = await startScriptedEndpoint(t, ['m'], ({ method, path }) => {
      if (method === 'POST') asked.push(path)
      return path === '/v1/messages'
        ? { status: 404, body: { detail: 'Not Found' } }
        : { body: { choices: [{ message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }] } }
    })
    const { url } = await startGateway(t, [{ url: old.url, type: 'litellm' }])
    for (let count = 0; count < 3; count++) {
      const response = await fetch(`${url}/olla/anthropic/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...request, model: 'm' }),
      })
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('x-olla-mode'), null)
      await response.text()
    }
    assert.deepEqual(asked, ['/v1/messages', ...Array(3).fill('/v1/chat/completions')])
  })

  it('get a translation if their route ignores what the request needs', async (t) => {
    const all = await behind(t, [{ kind: 'llamacpp', version: 'b9100-x' }])
    const format = { type: 'json_schema', schema: { type: 'object' } }
    const response = await postMessages(all, { ...request, output_config: { format } })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('x-olla-mode'), null)
    assert.equal((await postMessages(all, request)).headers.get('x-olla-mode'), 'passthrough')
  })
})

describe('an invalid request', () => {
  const cases: readonly object[] = [
    { messages: undefined },
    { messages: [{ role: 'user', content: '' }] },
    { messages: [{ role: 'nobody', content: 'a' }] },
    { max_tokens: undefined },
    { max_tokens: 0 },
    { temperature: 9 },
  ]
  for (const kind of ['vllm', 'sglang'] as const) {
    it(`is refused before the gateway contacts an endpoint: ${kind}`, async (t) => {
      const all = await behind(t, [kind])
      for (const change of cases) {
        const response = await postMessages(all, { ...request, ...change })
        assert.equal(response.status, 400, JSON.stringify(change))
        const { error } = (await response.json()) as { error: { type: string } }
        assert.equal(error.type, 'invalid_request_error')
      }
      const simulator = all.simulators[0]
      assert.ok(simulator)
      assert.equal(lastPost(simulator), undefined)
    })
  }
})

describe('an unsupported part of the Anthropic API', () => {
  it("is not found, in Anthropic's envelope", async (t) => {
    const all = await behind(t, ['openai-compatible'])
    const asked: [method: string, path: string][] = [
      ['GET', '/v1/messages/batches'],
      ['POST', '/v1/messages/batches'],
      ['GET', '/v1/messages/batches/b/results'],
      ['DELETE', '/olla/anthropic/v1/messages/batches/b'],
      ['GET', '/v1/messages/msg_1'],
    ]
    for (const [method, path] of asked) {
      const response = await fetch(`${all.gateway.url}${path}`, {
        method,
        headers: { 'anthropic-version': '2023-06-01' },
      })
      assert.equal(response.status, 404, path)
      const body = (await response.json()) as { type: string; error: { type: string } }
      assert.deepEqual([body.type, body.error.type], ['error', 'not_found_error'])
    }
  })
})

describe('lowered max_tokens', () => {
  for (const version of ['0.10.0', '0.12.0']) {
    it(`is what the context leaves: vLLM ${version}`, async (t) => {
      const all = await behind(
        t,
        [{ kind: 'vllm', version, models: [{ name: model, contextLength: 8_192 }] }],
        {
          translators: { anthropic: { fit_max_tokens: true } },
        },
      )
      assert.equal((await postMessages(all, { ...request, max_tokens: 1_000_000 })).status, 200)
      const [simulator] = all.simulators
      assert.ok(simulator)
      const { max_tokens: maxTokens } = JSON.parse(String(lastPost(simulator)?.body)) as {
        max_tokens: number
      }
      assert.ok(maxTokens < 8_192 && maxTokens > 4_000, String(maxTokens))
    })
  }
})
