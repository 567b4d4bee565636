import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'

describe('/internal/explain without an available endpoint', () => {
  it("agrees with the request's outcome", async (t) => {
    const bad = await startScriptedEndpoint(t, ['m', 'n'], () => ({
      status: 429,
      headers: { 'retry-after': '60' },
      body: { error: 'limit' },
    }))
    const gateway = await startGateway(t, [{ url: bad.url, name: 'bad', type: 'vllm' }])
    for (const model of ['m', 'n']) await (await postChat(gateway.url, { model })).text()
    const refused = await postChat(gateway.url, { model: 'm' })
    assert.equal(refused.status, 503)
    assert.ok(Number(refused.headers.get('retry-after')) > 1)
    assert.equal(refused.headers.get('x-olla-routing-decision'), 'rejected')
    assert.equal(refused.headers.get('x-olla-routing-reason'), 'model_unavailable')
    await refused.text()
    const explained = (await (
      await fetch(`${gateway.url}/internal/explain`, { method: 'POST', body: '{"model":"m"}' })
    ).json()) as Record<string, unknown>
    assert.deepEqual(
      [explained.decision, explained.reason, explained.chosen],
      ['rejected', 'model_unavailable', null],
    )
    assert.equal((await fetch(`${gateway.url}/internal/ready`)).status, 503)
  })

  it('names the endpoint of last resort', async (t) => {
    const bad = await startScriptedEndpoint(t, ['m'], () => ({ status: 500, body: { error: 'broken' } }))
    const gateway = await startGateway(t, [{ url: bad.url, name: 'bad', type: 'vllm' }])
    for (let request = 0; request < 8; request++) await (await postChat(gateway.url, { model: 'm' })).text()
    const explained = (await (
      await fetch(`${gateway.url}/internal/explain`, { method: 'POST', body: '{"model":"m"}' })
    ).json()) as { chosen: string; endpoints: { reason: string }[] }
    assert.equal(explained.chosen, 'bad')
    assert.match(explained.endpoints[0]?.reason ?? '', /^chosen as the last resort: circuit open/)
    assert.equal((await fetch(`${gateway.url}/internal/ready`)).status, 200)
  })
})
