/** Taking endpoints out of service and back while requests run. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

for (const engine of engines) {
  describe(`drain of an endpoint with ${engine}`, () => {
    it('answers when its stream has ended, and sends it nothing new', async (t) => {
      const gateway = await twoEndpoints(t, engine)
      const stream = await postChat(gateway.url, { stream: true, max_tokens: 20 })
      assert.equal(stream.headers.get('x-olla-endpoint'), 'first')

      const now = await drain(gateway, 'first', 'drain')
      assert.deepEqual(now, {
        status: 202,
        endpoint: 'first',
        state: 'draining',
        drained: false,
        in_flight: 1,
      })
      const other = await postChat(gateway.url)
      assert.equal(other.headers.get('x-olla-endpoint'), 'second')
      const waiting = drain(gateway, 'first', 'drain?wait=30s')
      assert.match(await stream.text(), /data: \[DONE\]/)

      const empty = await waiting
      assert.deepEqual(empty, {
        status: 200,
        endpoint: 'first',
        state: 'drained',
        drained: true,
        in_flight: 0,
      })
      const back = await drain(gateway, 'first', 'undrain')
      assert.deepEqual(back, {
        status: 200,
        endpoint: 'first',
        state: 'healthy',
        drained: false,
        in_flight: 0,
      })
      const again = await postChat(gateway.url)
      assert.equal(again.headers.get('x-olla-endpoint'), 'first')
    })
  })
}

describe('drain of an endpoint', () => {
  it('moves its sessions, with the reason', async (t) => {
    const gateway = await twoEndpoints(t, 'olla', { sticky_sessions: { enabled: true } })
    const headers = { 'content-type': 'application/json', 'x-olla-session-id': 'talk' }
    await (await postChat(gateway.url, {}, { headers })).text()
    await drain(gateway, 'first', 'drain?wait=5s')
    const moved = await postChat(gateway.url, {}, { headers })
    assert.equal(moved.headers.get('x-olla-endpoint'), 'second')
    assert.equal(moved.headers.get('x-olla-sticky-reason'), 'draining')
  })

  it('gives the last endpoint of a model no request either', async (t) => {
    const gateway = await twoEndpoints(t, 'olla')
    await drain(gateway, 'first', 'drain?wait=5s')
    await drain(gateway, 'second', 'drain?wait=5s')
    const refused = await postChat(gateway.url)
    assert.equal(refused.status, 503)
    const models = (await (await fetch(`${gateway.url}/v1/models`)).json()) as { data: unknown[] }
    assert.deepEqual(models.data, [])
  })

  it('survives a reload that does not remove the endpoint', async (t) => {
    const gateway = await twoEndpoints(t, 'olla')
    await drain(gateway, 'first', 'drain?wait=5s')
    const [first, second] = gateway.endpoints
    await gateway.reload([{ ...first, weight: 2 }, second])
    const rows = await gateway.status()
    assert.equal(rows.find(({ name }) => name === 'first')?.status, 'drained')
  })

  it('knows no endpoint of another name, and no other wait', async (t) => {
    const gateway = await twoEndpoints(t, 'olla')
    assert.equal((await post(gateway, '/internal/admin/endpoints/third/drain')).status, 404)
    assert.equal((await post(gateway, '/internal/admin/endpoints/first/drain?wait=soon')).status, 400)
  })

  it('needs the marker of a change', async (t) => {
    const gateway = await twoEndpoints(t, 'olla')
    const plain = await fetch(`${gateway.url}/internal/admin/endpoints/first/drain`, { method: 'POST' })
    assert.equal(plain.status, 403)
  })
})

async function twoEndpoints(t: TestContext, engine: string, proxy: Record<string, unknown> = {}) {
  const pace = { kind: 'openai-compatible', models: ['m'], tokensPerSecond: 20 } as const
  const first = await withSimulator(t, { ...pace, name: 'first' })
  const second = await withSimulator(t, { ...pace, name: 'second', tokensPerSecond: 0 })
  const endpoints = [
    { url: first.url, name: 'first', priority: 200 },
    { url: second.url, name: 'second' },
  ] as const
  const gateway = await startGateway(t, endpoints, { proxy: { ...engineOf(engine), ...proxy } })
  return { ...gateway, endpoints }
}

function post({ url }: Pick<RunningGateway, 'url'>, path: string) {
  return fetch(`${url}${path}`, { method: 'POST', headers: { 'x-olla-gateway': '1' } })
}

async function drain(gateway: Pick<RunningGateway, 'url'>, name: string, action: string) {
  const response = await post(gateway, `/internal/admin/endpoints/${name}/${action}`)
  const { status: state, ...rest } = (await response.json()) as Record<string, unknown>
  return { status: response.status, state, ...rest }
}
