import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import {
  chunk,
  jsonAnswer,
  type RawRequest,
  sseHead,
  startRawUpstream,
  startSlowUpstream,
} from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'
import { connectToBoth, connectToThreads, type ThreadClient } from '../support/thread-clients.ts'
import { sameMoment, statusOf, waiting } from '../support/thread-status.ts'
import { good, threads } from '../support/two-threads.ts'

describe('a serving thread that ends', () => {
  for (const how of ['throw', 'exit'] as const) {
    it(`by ${how === 'throw' ? 'an error' : 'process.exit'} releases what it held and is started again`, async (t) => {
      const upstream = await startSlowUpstream(t, good)
      const gateway = await startGateway(t, [{ url: upstream.url, max_concurrent: 3 }], {}, { threads })
      const [first = [], second = []] = await connectToThreads(t, gateway.url, { each: 3 })
      const [steady, waiter] = first
      if (steady === undefined || waiter === undefined) return assert.fail()
      const kept = steady.ask()
      const lost = second.slice(0, 2).map((client) =>
        client.ask().then(
          () => assert.fail('it was answered'),
          (error: Error) => error,
        ),
      )
      await eventually(() => upstream.open.length === 3)
      const queued = waiter.ask()
      await eventually(async () => (await waiting(gateway)) === 1)
      assert.equal((await second[2]?.ask({ model: 'unheard-of' }))?.status, 404)
      gateway.link?.send(1, 'test.crash', how)

      for (const error of await Promise.all(lost)) assert.match(String(error), /socket hang up|ECONNRESET/)
      // Its last lines were still written.
      await eventually(() => gateway.lines.some((line) => line.includes('"model":"unheard-of"')))
      // The places are free again, and the one who waited for one has got it.
      await eventually(() => upstream.open.length === 4)
      const observer = first[2] ?? assert.fail()
      await eventually(async () => (await statusOf(observer)).in_flight === 2)
      for (let answered = 0; answered < 4; answered++) upstream.answer()
      assert.deepEqual([(await kept).status, (await queued).status], [200, 200])
      assert.equal((await statusOf(observer)).in_flight, 0)

      // Another one has taken its place and knows everything.
      const again = await connectAgain(t, gateway)
      const late = again.ask()
      await eventually(() => upstream.open.length === 1)
      upstream.answer()
      assert.equal((await late).status, 200)
      const [one, two] = await sameMoment(observer, again, '/internal/status/endpoints')
      assert.deepEqual(one, two)
    })
  }

  it('passes on its trial of a circuit', async (t) => {
    let answer = ({ socket }: RawRequest) => void socket.write(jsonAnswer('{}', { status: '500 No' }))
    const upstream = await startRawUpstream(t, (request) => answer(request))
    const other = await startRawUpstream(t, good)
    const gateway = await startGateway(
      t,
      [
        { url: upstream.url, name: 'failing', priority: 200 },
        { url: other.url, name: 'other', priority: 100 },
      ],
      {
        proxy: {
          load_balancer: 'priority',
          circuit_breaker: {
            failure_threshold: 1,
            open_duration: '50ms',
            trial_timeout: '10m',
            failure_statuses: [500],
          },
        },
      },
      { threads },
    )
    const [first, second] = await connectToBoth(t, gateway.url)
    const servedBy = async () => (await first.ask()).headers['x-olla-endpoint']
    assert.equal(await servedBy(), 'other')
    answer = () => {}
    // One request at a time: a queued one would take a new connection, to the other thread, once this one ends.
    let trial: Promise<unknown> | undefined
    await eventually(
      () => {
        trial ??= second
          .ask()
          .catch(() => {})
          .finally(() => (trial = undefined))
        return upstream.requests.length === 2
      },
      { intervalMs: 100 },
    )
    assert.equal(await servedBy(), 'other')
    gateway.link?.send(1, 'test.crash', 'throw')
    await trial
    answer = good
    await eventually(async () => (await servedBy()) === 'failing')
    assert.equal((await statusOf(first, 'failing')).breaker.state, 'closed')
  })
})

describe('a drain of two serving threads', () => {
  const stream = async (client: ThreadClient): Promise<IncomingMessage> => client.chat({ stream: true })

  it('lets streams of both finish and adds them up', async (t) => {
    const finish: (() => void)[] = []
    const upstream = await startRawUpstream(t, ({ socket }) => {
      socket.write(sseHead + chunk('data: 1\n\n'))
      finish.push(() => void socket.write(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`))
    })
    const gateway = await startGateway(
      t,
      [{ url: upstream.url }],
      { server: { shutdown_delay: '500ms' } },
      { threads },
    )
    const [[first, watcher], [second, other]] = await pairs(t, gateway)
    const streams = await Promise.all([first, second].map(stream))
    const closing = gateway.close()
    for (const each of [watcher, other]) {
      await eventually(async () => (await each.get('/internal/ready')).status === 503)
    }
    for (const end of finish) end()
    for (const response of streams) {
      let text = ''
      for await (const part of response) text += String(part)
      assert.equal(text, 'data: 1\n\ndata: [DONE]\n\n')
    }
    assert.deepEqual(await closing, { drained: 2, cut: 0 })
  })

  it('cuts requests visibly at the limit on any thread', async (t) => {
    const upstream = await startRawUpstream(
      t,
      ({ socket }) => void socket.write(sseHead + chunk('data: 1\n\n')),
    )
    const gateway = await startGateway(
      t,
      [{ url: upstream.url }],
      { server: { shutdown_timeout: '100ms' } },
      { threads },
    )
    const [, second] = await connectToBoth(t, gateway.url)
    const response = await stream(second)
    let text = ''
    const read = (async () => {
      for await (const part of response) text += String(part)
    })()
    const closing = gateway.close()
    await assert.rejects(read)
    assert.match(text, /"code":"draining"/)
    assert.deepEqual(await closing, { drained: 1, cut: 1 })
  })
})

/** Two connections to each thread. */
async function pairs(
  t: TestContext,
  gateway: RunningGateway,
): Promise<[[ThreadClient, ThreadClient], [ThreadClient, ThreadClient]]> {
  const [[a, b] = [], [c, d] = []] = await connectToThreads(t, gateway.url, { each: 2 })
  if (a === undefined || b === undefined || c === undefined || d === undefined) return assert.fail()
  return [
    [a, b],
    [c, d],
  ]
}

/** A connection to thread 1, once it is there. */
async function connectAgain(t: TestContext, gateway: RunningGateway): Promise<ThreadClient> {
  await eventually(
    async () => {
      const { threads: running } = (await (await fetch(`${gateway.url}/internal/process`)).json()) as {
        threads: unknown[]
      }
      return running.length === 2
    },
    { intervalMs: 50 },
  )
  const [, [again] = []] = await connectToThreads(t, gateway.url)
  return again ?? assert.fail()
}
