import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { trustLocalhost } from '../support/certificates.ts'
import { postChat, startGateway } from '../support/gateway.ts'
import { jsonAnswer, type RawRequest, startRawUpstream } from '../support/raw-upstream.ts'
import { startTlsUpstream } from '../support/tls-upstream.ts'
import { engineOf, engines } from './engines.ts'

const good = ({ socket }: RawRequest) => void socket.write(jsonAnswer('{"from":"good"}'))

before(trustLocalhost)

for (const engine of engines) {
  describe(`kept connections of the ${engine} engine`, () => {
    it('cost nothing if the endpoint closes each shortly after its answer', async (t) => {
      const hasty = await startRawUpstream(t, (request) => {
        good(request)
        setTimeout(() => request.socket.end(), 1)
      })
      const gateway = await startGateway(t, [{ url: hasty.url, name: 'hasty' }], { proxy: engineOf(engine) })
      for (let chat = 0; chat < 300; chat++) {
        const response = await postChat(gateway.url)
        assert.equal(response.status, 200)
        // A second attempt would have waited for a back-off.
        assert.equal(response.headers.get('x-olla-attempts'), null)
        await response.text()
      }
      const [row] = await gateway.status()
      assert.equal(row?.breaker?.state, 'closed')
    })

    it('are replaced if the endpoint resets them when a request arrives', async (t) => {
      const answered = new Set<unknown>()
      const upstream = await startRawUpstream(t, (request) => {
        if (answered.has(request.socket)) request.socket.resetAndDestroy()
        else good(request)
        answered.add(request.socket)
      })
      const gateway = await startGateway(t, [{ url: upstream.url, name: 'a' }], {
        proxy: { ...engineOf(engine), max_retries: 0 },
      })
      for (let chat = 0; chat < 20; chat++) {
        const response = await postChat(gateway.url, { pad: 'x'.repeat(chat % 2 === 0 ? 10 : 300_000) })
        assert.equal(response.status, 200)
        assert.equal(response.headers.get('x-olla-attempts'), null)
        await response.text()
      }
    })

    it('are as many over TLS as there are clients', async (t) => {
      const upstream = await startTlsUpstream(t, good)
      const gateway = await startGateway(t, [{ url: upstream.url, name: 'box' }], { proxy: engineOf(engine) })
      const probes = upstream.secured.length
      for (let chat = 0; chat < 150; chat++)
        await (await postChat(gateway.url, { pad: 'x'.repeat(chat % 3 === 0 ? 100_000 : 10) })).text()
      // A probe may need one of its own.
      assert.ok(upstream.secured.length - probes <= 3, `${upstream.secured.length - probes} connections`)
    })
  })
}
