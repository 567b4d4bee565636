import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { chatBody, postChat, startGateway } from '../support/gateway.ts'
import { jsonAnswer, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

/** A proxy before a gateway, healthy by itself; where it leads is said later. */
async function startFront(t: TestContext): Promise<RawUpstream & { leadsTo(port: number): void }> {
  let to = 0
  const front = await startRawUpstream(t, ({ head, body, socket }) => {
    const onward = connect(to, '127.0.0.1')
    onward.on('error', () => socket.destroy())
    onward.pipe(socket)
    onward.write(`${head}\r\n\r\n`)
    onward.write(body)
  })
  return {
    ...front,
    leadsTo(port) {
      to = port
    },
  }
}

const paths: readonly (readonly [path: string, body: string, shape: (body: unknown) => unknown])[] = [
  ['/v1/chat/completions', chatBody(), (body) => (body as { error: { code: string } }).error.code],
  ['/olla/proxy/v1/completions', chatBody(), (body) => (body as { error: { code: string } }).error.code],
  ['/olla/anthropic/v1/messages', chatBody({ max_tokens: 5 }), (body) => (body as { type: string }).type],
  ['/api/chat', chatBody(), (body) => typeof (body as { error: unknown }).error],
]

for (const engine of engines) {
  describe(`a loop of the ${engine} engine`, () => {
    for (const [path, body, shape] of paths) {
      it(`ends at the first repetition, in the caller's dialect: ${path}`, async (t) => {
        const front = await startFront(t)
        const gateway = await startGateway(t, [{ url: front.url, name: 'front' }], {
          proxy: engineOf(engine),
        })
        front.leadsTo(gateway.port)
        const response = await fetch(`${gateway.url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        })
        assert.equal(response.status, 508)
        const told = shape(await response.json())
        assert.ok(told === 'loop_detected' || told === 'error' || told === 'string', String(told))
        assert.equal(front.requests.length, 1)
      })
    }

    it('fails over to an endpoint that can serve the request', async (t) => {
      const front = await startFront(t)
      const fine = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{"from":"good"}')))
      const gateway = await startGateway(
        t,
        [
          { url: front.url, name: 'front', priority: 200 },
          { url: fine.url, name: 'good', priority: 100 },
        ],
        { proxy: engineOf(engine) },
      )
      front.leadsTo(gateway.port)
      for (let at = 0; at < 5; at++) {
        const response = await postChat(gateway.url)
        assert.equal(response.status, 200)
        assert.deepEqual(await response.json(), { from: 'good' })
      }
      assert.equal(fine.requests.length, 5)
      const [row] = await gateway.status()
      assert.equal(row?.breaker?.state, 'closed')
    })

    for (const length of [2, 3]) {
      it(`is detected through ${length} gateways, and a chain of as many is not a loop`, async (t) => {
        const fronts = await Promise.all(Array.from({ length }, () => startFront(t)))
        const gateways = []
        for (const front of fronts)
          gateways.push(
            await startGateway(t, [{ url: front.url, name: 'next' }], { proxy: engineOf(engine) }),
          )
        const ports = gateways.map(({ port }) => port)
        fronts.forEach((front, at) => {
          front.leadsTo(ports[(at + 1) % length] ?? 0)
        })
        const [first] = gateways
        const looped = await postChat(first?.url ?? '')
        assert.equal(looped.status, 508)
        for (const { requests } of fronts) assert.equal(requests.length, 1)

        const fine = await startRawUpstream(
          t,
          ({ socket }) => void socket.write(jsonAnswer('{"from":"good"}')),
        )
        fronts.at(-1)?.leadsTo(Number(new URL(fine.url).port))
        const chained = await postChat(first?.url ?? '')
        assert.equal(chained.status, 200)
        assert.equal(fine.requests[0]?.head.match(/^via: .*$/im)?.[0]?.split(',').length, length)
      })
    }

    it('of a probe makes the endpoint unhealthy with a reason', async (t) => {
      const fine = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
      const front = await startFront(t)
      const gateway = await startGateway(
        t,
        [
          { url: fine.url, name: 'good' },
          {
            url: front.url,
            name: 'front',
            health_check_url: '/internal/health',
            model_url: '/v1/models?own',
          },
        ],
        { proxy: engineOf(engine) },
        { awaitRoutable: 1 },
      )
      front.leadsTo(gateway.port)
      await eventually(async () => {
        const rows = await gateway.status()
        const row = rows.find(({ name }) => name === 'front')
        return row?.status === 'unhealthy' && JSON.stringify(row).includes('leads back to this gateway')
      })
    })
  })
}

it('does not include a request from other gateways', async (t) => {
  const fine = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
  const gateway = await startGateway(t, [{ url: fine.url, name: 'good' }])
  for (const via of [
    '1.1 olla/0.1.0',
    '1.1 olla/0.1.0 (id 00000001)',
    '1.0 fred, 1.1 p.example.net (Apache)',
    '(',
  ]) {
    const response = await postChat(gateway.url, {}, { headers: { 'content-type': 'application/json', via } })
    assert.equal(response.status, 200, via)
  }
})
