import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import { exchangeRaw, openRaw } from '../support/raw-client.ts'
import { jsonAnswer, startRawUpstream, startSlowUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'

const connect = 'CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n\r\n'
const get = 'GET /olla/proxy/x HTTP/1.1\r\nHost: localhost\r\n\r\n'
const statusesOf = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status)

for (const httpServer of ['own', 'node']) {
  describe(`CONNECT to the ${httpServer} server`, () => {
    async function start(t: TestContext) {
      const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
      return startGateway(t, [{ url: upstream.url }], { server: { http_server: httpServer } }, { threads: 1 })
    }

    for (const [what, bytes, statuses] of [
      ['alone', connect, ['405']],
      ['behind an answer', `${get}${connect}`, ['200', '405']],
      ['behind two', `${get}${get}${connect}`, ['200', '200', '405']],
      ['behind a refused request', `GET / HTTP/2.0\r\nHost: a\r\n\r\n${connect}`, ['505']],
      ['behind a path that cannot be decoded', `GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n${connect}`, ['400']],
      ['twice', `${connect}${connect}`, ['405']],
      ['with bytes of TLS behind it', `${connect}\x16\x03\x01\x00\x05hello`, ['405']],
    ] as const) {
      it(`is refused in order, and ends only its connection: ${what}`, async (t) => {
        const { port } = await start(t)
        const { text } = await exchangeRaw(port, bytes)
        const [first, ...others] = statusesOf(text)
        assert.equal(first, statuses[0])
        assert.deepEqual(others, statuses.slice(1))
        assert.equal((await fetch(`http://127.0.0.1:${port}/internal/health`)).status, 200)
      })
    }

    it('waits for the answer to the request before it', async (t) => {
      const upstream = await startSlowUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
      const options = { server: { http_server: httpServer } }
      const { port } = await startGateway(t, [{ url: upstream.url }], options, { threads: 1 })
      const answer = exchangeRaw(port, `${get}${connect}`)
      await eventually(() => upstream.open.length > 0)
      upstream.answer()
      assert.deepEqual(statusesOf((await answer).text), ['200', '405'])
    })

    it('may be reset by the client', async (t) => {
      const { port } = await start(t)
      for (let round = 0; round < 20; round++) {
        const socket = await openRaw(port)
        socket.write(connect + 'x'.repeat(100_000), () => socket.resetAndDestroy())
        await new Promise((resolve) => socket.once('close', resolve))
      }
      assert.equal((await fetch(`http://127.0.0.1:${port}/internal/health`)).status, 200)
    })
  })
}
