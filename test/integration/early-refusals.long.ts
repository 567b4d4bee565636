import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { jsonAnswer } from '../support/raw-upstream.ts'
import { engineOf, engines } from './engines.ts'

const refusal = jsonAnswer('{"error":"big"}', {
  status: '413 Payload Too Large',
  headers: 'Connection: close\r\n',
})

/** Ways in which an endpoint ends a connection on which it does not want to read more. */
const closings: Readonly<Record<string, (socket: Socket) => void>> = {
  closes: (socket) => void socket.write(refusal, () => socket.destroy()),
  'sends FIN and closes': (socket) => {
    socket.end(refusal)
    socket.on('finish', () => socket.destroy())
  },
  resets: (socket) => void socket.write(refusal, () => socket.resetAndDestroy()),
}

/** An endpoint that refuses what is longer than 100 kB when its head has come. */
async function startRefusing(t: TestContext, refuse: (socket: Socket) => void) {
  let refused = 0
  const server = createServer((socket) => {
    let head = ''
    let isOver = false
    socket.on('error', () => {})
    socket.on('data', (data) => {
      if (isOver) return
      head += data.toString('latin1')
      const split = head.indexOf('\r\n\r\n')
      if (split < 0) return
      if (Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0) > 100_000) {
        isOver = true
        refused++
        refuse(socket)
        return
      }
      socket.write(jsonAnswer(JSON.stringify({ object: 'list', data: [{ id: 'm', object: 'model' }] })))
      head = ''
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused: () => refused,
  }
}

for (const engine of engines) {
  describe(`an endpoint of the ${engine} engine that answers before it has read a request`, () => {
    for (const [what, close] of Object.entries(closings)) {
      it(`has answered if it ${what}`, async (t) => {
        const endpoint = await startRefusing(t, close)
        const gateway = await startGateway(t, [{ url: endpoint.url, name: 'strict' }], {
          proxy: engineOf(engine),
        })
        let asked = 0
        for (const bytes of [300_000, 1_000_000, 4_000_000, 6_000_000]) {
          for (let round = 0; round < 4; round++) {
            const response = await postChat(gateway.url, { pad: 'x'.repeat(bytes) })
            asked++
            assert.equal(response.status, 413)
            assert.match(await response.text(), /"big"/)
            assert.equal(response.headers.get('x-olla-attempts'), null)
          }
        }
        assert.equal(endpoint.refused(), asked)
        const [row] = await gateway.status()
        assert.equal(row?.breaker?.state, 'closed')
      })
    }
  })
}
