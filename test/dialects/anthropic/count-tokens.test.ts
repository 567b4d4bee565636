import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SimulatorKind } from '../../../simulator/model.ts'
import { behind, model, postMessages } from './support.ts'

const counted = {
  model,
  system: 'two words',
  messages: [{ role: 'user' as const, content: 'count these four words' }],
}

describe('count_tokens', () => {
  const cases: [SimulatorKind, string, number][] = [
    ['llamacpp', 'native', 6],
    ['omlx', 'estimated', 17],
    ['docker-model-runner', 'native', 6],
    ['vllm', 'tokenizer', 6],
    ['ollama', 'estimated', 17],
    ['sglang', 'estimated', 17],
  ]
  for (const [kind, source, tokens] of cases) {
    it(`is ${source} on ${kind}`, async (t) => {
      const all = await behind(t, [kind])
      const { data, response } = await all.client.messages.countTokens(counted).withResponse()
      assert.deepEqual(data, { input_tokens: tokens })
      assert.equal(response.headers.get('x-olla-token-count'), source)
      assert.equal(response.headers.get('x-olla-endpoint'), source === 'estimated' ? null : kind)
      assert.ok(response.headers.get('request-id'))
    })
  }

  it('uses the template and the tokenizer of a llama.cpp that is too old to count', async (t) => {
    const all = await behind(t, [{ kind: 'llamacpp', version: 'b5000-old' }])
    const { data, response } = await all.client.messages.countTokens(counted).withResponse()
    assert.deepEqual([data.input_tokens, response.headers.get('x-olla-token-count')], [6, 'tokenizer'])
    assert.equal(all.simulators[0]?.control.counters().byPath['/apply-template'], 1)
  })

  it('prefers an endpoint that counts, whatever its position, and works without one', async (t) => {
    const all = await behind(t, ['ollama', 'vllm', 'llamacpp'])
    const { response } = await all.client.messages.countTokens(counted).withResponse()
    assert.equal(response.headers.get('x-olla-endpoint'), 'llamacpp')
    await all.simulators[2]?.control.setFault({
      kind: 'status',
      status: 500,
      path: '/v1/messages/count_tokens',
    })
    const next = await all.client.messages.countTokens(counted).withResponse()
    assert.equal(next.response.headers.get('x-olla-endpoint'), 'vllm')
    await all.simulators[1]?.control.setFault({ kind: 'status', status: 500, path: '/tokenize' })
    const guess = await all.client.messages.countTokens(counted).withResponse()
    assert.equal(guess.response.headers.get('x-olla-token-count'), 'estimated')
    const unknown = await all.client.messages.countTokens({ ...counted, model: 'unknown' }).withResponse()
    assert.equal(unknown.response.headers.get('x-olla-token-count'), 'estimated')
  })

  it('counts for a model that the endpoint knows under another name', async (t) => {
    for (const kind of ['llamacpp', 'vllm'] as const) {
      const all = await behind(t, [kind], { model_aliases: { 'claude-haiku': [model] } })
      const { data } = await all.client.messages
        .countTokens({ ...counted, model: 'claude-haiku' })
        .withResponse()
      assert.equal(data.input_tokens, 6)
    }
  })

  it('is also available below /olla/anthropic, with errors in the envelope', async (t) => {
    const all = await behind(t, ['llamacpp'])
    const response = await postMessages(all, counted, {}, '/olla/anthropic/v1/messages/count_tokens')
    assert.deepEqual(await response.json(), { input_tokens: 6 })
    const bad = await postMessages(all, { model }, {}, '/v1/messages/count_tokens')
    assert.equal(bad.status, 400)
    const body = (await bad.json()) as { type: string; error: { type: string } }
    assert.deepEqual([body.type, body.error.type], ['error', 'invalid_request_error'])
  })
})
