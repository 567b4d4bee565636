import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { behind, model, postMessages, request } from './support.ts'

describe('Messages below every provider prefix', () => {
  it('are translated for the endpoints of that type, and answered in their dialect', async (t) => {
    const fleet = await behind(t, ['sglang', 'vllm'])
    const [sglang, vllm] = fleet.simulators
    for (const [prefix, server] of [
      ['/olla/sglang', sglang],
      ['/olla/vllm', vllm],
      // Endpoints with the API take precedence.
      ['/olla/openai', vllm],
      ['/olla/proxy', vllm],
    ] as const) {
      const response = await postMessages(fleet, request, {}, `${prefix}/v1/messages`)
      assert.equal(response.status, 200, prefix)
      assert.equal(((await response.json()) as { type: string }).type, 'message')
      assert.equal(response.headers.get('x-olla-endpoint'), server?.kind, prefix)
      const counted = await postMessages(fleet, request, {}, `${prefix}/v1/messages/count_tokens`)
      assert.equal(typeof ((await counted.json()) as { input_tokens: number }).input_tokens, 'number', prefix)
    }
    for (const path of ['/olla/lemonade/v1/messages', '/olla/sglang/v1/messages']) {
      const body = path.includes('lemonade') ? request : { ...request, model: `${model}-none` }
      const refused = await postMessages(fleet, body, {}, path)
      assert.equal(refused.status, 404)
      assert.equal(((await refused.json()) as { type: string }).type, 'error', path)
    }
    const broken = await postMessages(fleet, '{', {}, '/olla/vllm/v1/messages/count_tokens')
    assert.deepEqual([broken.status, ((await broken.json()) as { type: string }).type], [400, 'error'])
  })
})
