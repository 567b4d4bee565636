import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { openSocket, startGateway } from '../support/gateway.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const mebibyte = 1_048_576

/** A body of its own for each request, larger than what sockets take in at once. */
function largeBody(seed: number): Buffer {
  const content = String.fromCharCode(97 + (seed % 26)).repeat(6 * mebibyte)
  return Buffer.from(
    JSON.stringify({ model: 'm', messages: [{ role: 'user', content: `${seed} ${content}` }] }),
  )
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

async function startEndpoint(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer((request, response) => {
    if (request.method === 'POST') answer(request, response)
    else response.end(JSON.stringify({ object: 'list', data: [{ id: 'm', object: 'model' }] }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Answers with the digest of what it got. */
async function reportDigest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha256')
  for await (const part of request) hash.update(part)
  response.end(JSON.stringify({ digest: hash.digest('hex') }))
}

const postLarge = (url: string, body: Buffer) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new Uint8Array(body),
  })

for (const engine of engines) {
  describe(`large bodies of the ${engine} engine`, () => {
    it('reach the next endpoint whole if the first has answered without reading them', async (t) => {
      let refused = 0
      const busy = await startEndpoint(t, (_request, response) => {
        refused++
        response.writeHead(503, { 'content-type': 'application/json' }).end('{"error":"busy"}')
      })
      const willing = await startEndpoint(t, (request, response) => void reportDigest(request, response))
      const gateway = await startGateway(
        t,
        [
          { url: busy, priority: 100 },
          { url: willing, priority: 50 },
        ],
        { proxy: { ...engineOf(engine), load_balancer: 'priority', retry_budget: { ratio: 1, burst: 100 } } },
      )
      const bodies = Array.from({ length: 6 }, (_, seed) => largeBody(seed))
      const answers = await Promise.all(
        bodies.map(async (body) => (await (await postLarge(gateway.url, body)).json()) as { digest: string }),
      )
      assert.deepEqual(
        answers.map((answer) => answer.digest),
        bodies.map(digest),
      )
      assert.ok(refused > 0)
    })

    it('stay whole while others are aborted half sent', async (t) => {
      const stuck: IncomingMessage[] = []
      const url = await startEndpoint(t, (request, response) => {
        if (request.headers['x-stuck'] === undefined) void reportDigest(request, response)
        else stuck.push(request.pause())
      })
      const gateway = await startGateway(t, [{ url }], { proxy: engineOf(engine) })
      for (let round = 0; round < 4; round++) {
        const lost = largeBody(round + 13)
        const client = await openSocket(gateway.port)
        client.write(
          `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Stuck: yes\r\nContent-Type: application/json\r\nContent-Length: ${lost.length}\r\n\r\n`,
        )
        client.write(lost)
        await eventually(() => stuck.length === round + 1)
        const body = largeBody(round)
        const answering = postLarge(gateway.url, body)
        client.destroy()
        assert.equal(((await (await answering).json()) as { digest: string }).digest, digest(body))
        await eventually(async () => (await gateway.status())[0]?.in_flight === 0)
      }
    })
  })
}
