import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { engineOf, engines } from './engines.ts'

for (const engine of engines) {
  describe(`429s without Retry-After (${engine})`, () => {
    it('of two models in a row pause the whole endpoint, of one only this model', async (t) => {
      const upstream = await startScriptedEndpoint(t, ['a', 'b', 'c'], () => ({
        status: 429,
        body: { error: 'limit' },
      }))
      const { url } = await startGateway(t, [{ url: upstream.url, name: 'e' }], {
        proxy: { ...engineOf(engine), max_retries: 0, max_retry_wait: 0 },
      })
      const ask = async (model: string) => {
        const response = await postChat(url, { model, messages: [] })
        await response.arrayBuffer()
        return response.status
      }
      const reason = async (model: string) => {
        const response = await fetch(`${url}/internal/explain`, {
          method: 'POST',
          body: JSON.stringify({ model, messages: [] }),
        })
        return ((await response.json()) as { endpoints: { reason: string }[] }).endpoints[0]?.reason ?? ''
      }
      assert.equal(await ask('a'), 429)
      assert.match(await reason('a'), /^requested a pause of \d+ ms more$/)
      assert.equal(await reason('c'), 'chosen')
      assert.equal(await ask('b'), 429)
      assert.match(await reason('c'), /^chosen as the last resort: requested a pause of \d+ ms more$/)
    })
  })
}
