import assert from 'node:assert/strict'
import { once } from 'node:events'
import { before, describe, it } from 'node:test'
import { trustLocalhost } from '../support/certificates.ts'
import { chatBody, openSocket, postChat, startGateway } from '../support/gateway.ts'
import { rawPost } from '../support/raw-client.ts'
import { chunk, jsonAnswer, type RawRequest, sseHead } from '../support/raw-upstream.ts'
import { readUntilCut } from '../support/read-until-cut.ts'
import { eventually } from '../support/simulator.ts'
import { startTlsUpstream } from '../support/tls-upstream.ts'
import { engineOf, engines } from './engines.ts'

const good = ({ socket }: RawRequest) => void socket.write(jsonAnswer('{"from":"tls"}'))
/** Many records of TLS. */
const large = 'x'.repeat(3_000_000)

before(trustLocalhost)

for (const engine of engines) {
  describe(`an https endpoint of the ${engine} engine`, () => {
    it('answers a chat under its own name', async (t) => {
      const upstream = await startTlsUpstream(t, good)
      const gateway = await startGateway(t, [{ url: upstream.url, name: 'box' }], { proxy: engineOf(engine) })
      const response = await postChat(gateway.url)
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('x-olla-endpoint'), 'box')
      assert.deepEqual(await response.json(), { from: 'tls' })
      const [request] = upstream.requests
      assert.equal(request?.body.toString(), chatBody())
      assert.match(request?.head ?? '', new RegExp(`^host: ${new URL(upstream.url).host}\r?$`, 'im'))
      for (const { servername } of upstream.secured) assert.equal(servername, 'localhost')
    })

    it('transfers bodies of many records unchanged', async (t) => {
      const upstream = await startTlsUpstream(t, ({ socket }) => void socket.write(jsonAnswer(large)))
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy: engineOf(engine) })
      const response = await postChat(gateway.url, { user: large })
      assert.equal(await response.text(), large)
      assert.equal(upstream.requests[0]?.body.toString(), chatBody({ user: large }))
    })

    it('streams chunks on arrival', async (t) => {
      let say = (_text: string) => {}
      const upstream = await startTlsUpstream(t, ({ socket }) => {
        socket.write(sseHead)
        say = (text) => void socket.write(text)
        say(chunk('data: 1\n\n'))
      })
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy: engineOf(engine) })
      const response = await postChat(gateway.url, { stream: true })
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
      assert.equal((await reader?.read())?.value, 'data: 1\n\n')
      say(chunk('data: 2\n\n'))
      assert.equal((await reader?.read())?.value, 'data: 2\n\n')
      say('0\r\n\r\n')
      assert.equal((await reader?.read())?.done, true)
    })

    it('reuses the connection for the next request, or opens a new one if it has ended', async (t) => {
      const upstream = await startTlsUpstream(t, good)
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy: engineOf(engine) })
      const ask = async () => {
        await (await postChat(gateway.url)).text()
        const last = upstream.requests.at(-1)?.socket
        return upstream.secured.find((socket) => socket === last) ?? assert.fail()
      }
      const first = await ask()
      assert.equal(await ask(), first)
      first.end()
      await eventually(() => first.destroyed)
      const second = await ask()
      assert.notEqual(second, first)
      assert.equal(second.isSessionReused(), true)
      assert.equal((await gateway.status())[0]?.request_count, 3)
    })

    it('stops when the client disconnects from its stream', async (t) => {
      const upstream = await startTlsUpstream(
        t,
        ({ socket }) => void socket.write(sseHead + chunk('data: 1\n\n')),
      )
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy: engineOf(engine) })
      const client = await openSocket(gateway.port)
      client.write(rawPost('/v1/chat/completions', chatBody({ stream: true })))
      await once(client, 'data')
      const { socket } = upstream.requests[0] ?? assert.fail()
      client.destroy()
      await eventually(() => socket.destroyed)
      await eventually(async () => (await gateway.status())[0]?.in_flight === 0)
      assert.equal((await gateway.status())[0]?.breaker?.state, 'closed')
    })

    it('pauses for a client that reads nothing, and resumes with it', async (t) => {
      const block = chunk('#'.repeat(65_536))
      const blocks = 512
      let left = blocks
      let isPaused = false
      const upstream = await startTlsUpstream(t, ({ socket }) => {
        socket.write(sseHead)
        const push = () => {
          isPaused = false
          while (left > 0) {
            left--
            if (!socket.write(block)) break
          }
          if (left === 0) socket.write('0\r\n\r\n')
          else isPaused = true
        }
        socket.on('drain', push)
        push()
      })
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy: engineOf(engine) })
      const client = await openSocket(gateway.port)
      client.pause()
      client.write(rawPost('/v1/chat/completions', chatBody({ stream: true })))
      let before = -1
      await eventually(
        () => {
          const isStill = isPaused && before === left
          before = left
          return isStill
        },
        { intervalMs: 200 },
      )
      assert.ok(left > 0)
      let read = 0
      client.on('data', (data) => {
        for (const byte of data) if (byte === 0x23) read++
      })
      client.resume()
      await eventually(() => read === blocks * 65_536)
    })

    it('fails visibly', async (t) => {
      const upstream = await startTlsUpstream(t, ({ socket }) => {
        socket.write(sseHead + chunk('data: 1\n\n'), () => setImmediate(() => socket.destroy()))
      })
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy: engineOf(engine) })
      const text = await readUntilCut(await postChat(gateway.url, { stream: true }))
      assert.match(text, /^data: 1\n\ndata: \{"error":\{.*"code":"upstream_broken"/)
    })
  })
}
