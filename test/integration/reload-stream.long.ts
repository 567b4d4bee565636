/**
 * A stream through the removal of its endpoint. `STREAM_SECONDS=60` makes it that long; both `npm run test:long` and
 * two threads run it with a few seconds.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const seconds = Number(process.env.STREAM_SECONDS ?? 6)
const tokensPerSecond = 5
const tokens = seconds * tokensPerSecond

for (const engine of engines) {
  describe(`a stream of ${seconds} s (${engine})`, () => {
    it('ends whole although a reload has removed its endpoint, which then is gone', async (t) => {
      const kind = 'openai-compatible'
      const leaving = await withSimulator(t, { kind, name: 'leaving', models: ['m'], tokensPerSecond })
      const other = await withSimulator(t, { kind, name: 'other', models: ['n'] })
      const stays = { url: other.url, name: 'other' }
      const sections = { proxy: engineOf(engine) }
      const gateway = await startGateway(t, [{ url: leaving.url, name: 'leaving' }, stays], sections)
      const names = async () => (await gateway.status()).map(({ name }) => name)

      const startedMs = performance.now()
      const stream = await postChat(gateway.url, { model: 'm', stream: true, max_tokens: tokens })
      assert.equal(stream.headers.get('x-olla-endpoint'), 'leaving')
      const text = stream.text()
      const result = await gateway.reload([stays], sections)
      assert.equal(result.outcome, 'applied')
      // The endpoint serves what it has begun, and nothing else: no other one has its model.
      const refused = await postChat(gateway.url, { model: 'm' }, { signal: AbortSignal.timeout(10_000) })
      assert.equal(refused.status, 404, await refused.text())
      assert.equal((await postChat(gateway.url, { model: 'n' })).status, 200)
      assert.equal(leaving.control.requests().filter(({ method }) => method === 'POST').length, 1)

      const events = (await text).split('\n').filter((line) => line.startsWith('data: '))
      const lastsMs = performance.now() - startedMs
      assert.equal(events.at(-1), 'data: [DONE]')
      assert.ok(
        events.filter((event) => event.includes('"content":"')).length >= tokens,
        `${events.length} events`,
      )
      assert.ok(lastsMs >= (seconds - 1) * 1_000, `${Math.round(lastsMs)} ms`)
      await eventually(async () => !(await names()).includes('leaving'))
    })
  })
}
