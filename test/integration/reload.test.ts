/** Reloading endpoints while requests run. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

for (const engine of engines) {
  describe(`reload with ${engine}`, () => {
    const sections = { proxy: engineOf(engine) }

    it('adds an endpoint, which serves at once', async (t) => {
      const one = await server(t, 'one', ['one'])
      const two = await server(t, 'two', ['two'])
      const gateway = await startGateway(t, [entry(one, 'one')], sections)
      const before = await postChat(gateway.url, { model: 'two' })
      assert.equal(before.status, 404)

      const result = await gateway.reload([entry(one, 'one'), entry(two, 'two')])

      assert.equal(result.outcome, 'applied')
      assert.equal(result.config_version, 2)
      assert.deepEqual(
        result.changes.map(({ key }) => key),
        ['discovery.static.endpoints[two]'],
      )
      const after = await postChat(gateway.url, { model: 'two' })
      assert.equal(after.status, 200)
      assert.equal(after.headers.get('x-olla-endpoint'), 'two')
    })

    it('removes an endpoint whose stream finishes', async (t) => {
      const one = await server(t, 'one', ['m'])
      const two = await server(t, 'two', ['m'], { tokensPerSecond: 20 })
      const gateway = await startGateway(t, [entry(one, 'one'), entry(two, 'two', 200)], sections)
      const stream = await postChat(gateway.url, { stream: true, max_tokens: 20 })
      assert.equal(stream.headers.get('x-olla-endpoint'), 'two')

      await gateway.reload([entry(one, 'one')])

      const rows = await gateway.status()
      assert.deepEqual(
        rows.map(({ name, status }) => `${name} ${status}`),
        ['two draining', 'one healthy'],
      )
      const next = await postChat(gateway.url)
      assert.equal(next.headers.get('x-olla-endpoint'), 'one')
      assert.match(await stream.text(), /data: \[DONE\]/)
      await eventually(async () => (await gateway.status()).length === 1)
    })

    it('replaces all endpoints without a failed request', async (t) => {
      const one = await server(t, 'one', ['m'])
      const two = await server(t, 'two', ['m'])
      const gateway = await startGateway(t, [entry(one, 'one')], sections)
      let isOver = false
      const failed: number[] = []
      const load = (async () => {
        while (!isOver) {
          const { status } = await postChat(gateway.url)
          if (status !== 200) failed.push(status)
        }
      })()
      for (let round = 0; round < 10; round++) {
        const [server, name] = round % 2 === 0 ? [two, 'two'] : [one, 'one']
        const { outcome } = await gateway.reload([entry(server, name)])
        assert.equal(outcome, 'applied')
      }
      isOver = true
      await load
      assert.deepEqual(failed, [])
    })

    it('keeps what is known of an endpoint whose weight changes', async (t) => {
      const one = await server(t, 'one', ['m'])
      const gateway = await startGateway(t, [entry(one, 'one')], sections)
      await (await postChat(gateway.url)).text()
      const probes = one.control.requests().length
      await gateway.reload([{ ...entry(one, 'one'), weight: 5 }])
      const [row] = await gateway.status()
      assert.deepEqual(
        { status: row?.status, requests: row?.request_count },
        { status: 'healthy', requests: 1 },
      )
      assert.equal(one.control.requests().length, probes)
    })

    it('moves an endpoint to another server under its name', async (t) => {
      const one = await server(t, 'one', ['m'])
      const two = await server(t, 'two', ['m', 'n'])
      const gateway = await startGateway(t, [entry(one, 'gpu')], sections)
      await (await postChat(gateway.url)).text()
      await gateway.reload([entry(two, 'gpu')])
      assert.equal((await postChat(gateway.url)).status, 200)
      await eventually(async () => (await postChat(gateway.url, { model: 'n' })).status === 200)
      assert.ok(two.control.requests().some(({ method }) => method === 'POST'))
      const [row] = await gateway.status()
      assert.ok((row?.request_count ?? 0) >= 3)
    })
  })
}

describe('reload', () => {
  it('only compares in a dry run', async (t) => {
    const one = await server(t, 'one', ['m'])
    const gateway = await startGateway(t, [entry(one, 'one')])
    const changed = { ...entry(one, 'one'), auth: { type: 'bearer', token: 'secret-token' } }
    const result = await gateway.reload([changed], { server: { port: 1 } }, '?dry_run=true')
    assert.equal(result.outcome, 'unchanged')
    assert.equal(result.dry_run, true)
    assert.deepEqual(result.needs_restart, ['server.port'])
    assert.deepEqual(
      result.changes.map(({ key }) => key),
      ['server.port', 'discovery.static.endpoints[one].auth'],
    )
    assert.doesNotMatch(JSON.stringify(result), /secret-token/)
  })

  it('applies the rest of a file with keys that need a restart', async (t) => {
    const one = await server(t, 'one', ['m'])
    const gateway = await startGateway(t, [entry(one, 'one')])
    const changed = [{ ...entry(one, 'one'), priority: 5 }]
    const sections = { server: { port: 1 } }
    const result = await gateway.reload(changed, sections)
    assert.equal(result.outcome, 'applied')
    assert.deepEqual(result.needs_restart, ['server.port'])
    const again = await gateway.reload(changed, sections)
    assert.equal(again.outcome, 'unchanged')
    assert.equal(again.config_version, 2)
    assert.deepEqual(again.needs_restart, ['server.port'])
  })
})

function server(
  t: Parameters<typeof withSimulator>[0],
  name: string,
  models: string[],
  pace: { tokensPerSecond?: number } = {},
) {
  return withSimulator(t, { kind: 'openai-compatible', name, models, ...pace })
}

function entry({ url }: { readonly url: string }, name: string, priority = 100) {
  return { url, name, priority }
}
