import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RequestContext } from '../../../src/proxy/contract/context.ts'
import { ProxyEngine } from '../../../src/proxy/exchange/engine.ts'
import { budgetOf } from '../../support/buffer-budget.ts'
import { answerWith, type SentAttempt } from '../../support/exchange.ts'
import { createHedged, hedgeDelayMs } from '../../support/hedging.ts'

const stream = ['Content-Type', 'text/event-stream']
const role = 'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
const content = 'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
const end = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
const cutOff = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
const push = ({ attempt }: SentAttempt, text: string) => attempt.onData(Buffer.from(text))
const start = ({ attempt }: SentAttempt) => attempt.onHeaders(200, stream, () => {})

/** A request whose first attempt is late, so that the second one runs. */
async function race(...given: Parameters<typeof createHedged>) {
  const hedged = createHedged(...given)
  const begun = await hedged.begin()
  await hedged.clock.advance(hedgeDelayMs)
  const [first, second] = hedged.sent
  assert.ok(first !== undefined && second !== undefined && hedged.sent.length === 2)
  return { ...hedged, ...begun, first, second }
}

describe('a second attempt', () => {
  it('begins after the 95th percentile, on another endpoint', async (t) => {
    const { clock, begin, sent, inFlight, totals } = createHedged(t, [{}, {}])
    await begin()
    await clock.advance(900)
    assert.equal(sent.length, 1)
    await clock.advance(hedgeDelayMs - 900)
    assert.deepEqual(
      sent.map(({ attempt }) => attempt.target.endpoint.slot),
      [0, 1],
    )
    assert.deepEqual(inFlight(), [1, 1])
    assert.equal(totals().started, 1)
  })

  it('answers if its content is first; the first attempt is aborted before the chunk has passed', async (t) => {
    const { first, second, aborts, inFlight, context, answer, totals, load, stats } = await race(t, [
      { name: 'a' },
      { name: 'b' },
    ])
    start(first)
    start(second)
    push(second, content)
    assert.deepEqual(aborts, [1, 0])
    assert.deepEqual(inFlight(), [0, 1])
    push(first, content)
    push(second, end)
    second.attempt.onComplete()
    const response = await answer
    assert.equal(await response.text(), content + end)
    assert.equal(response.headers.get('x-olla-endpoint'), 'b')
    assert.equal(response.headers.get('x-olla-hedge'), 'won')
    assert.equal(response.headers.get('x-olla-attempts'), '2')
    assert.deepEqual(inFlight(), [0, 0])
    assert.deepEqual(totals().results, { won: 1, lost: 0, failed: 0, cancelled: 0 })
    assert.equal(context.outcome, 'success')
    assert.deepEqual(context.attempts, [])
    assert.deepEqual([context.hedge?.result, context.hedge?.loser?.endpoint], ['won', 'a'])
    assert.equal(load.penalty(first.attempt.target), 0)
    const { requests, failedAttempts } = stats.totals()
    assert.deepEqual([requests, failedAttempts], [1, 0])
    assert.deepEqual([stats.endpoint(0).requests, stats.endpoint(1).requests], [0, 1])
  })

  it('is aborted by the first content of the first attempt', async (t) => {
    const { first, second, aborts, inFlight, context, answer, totals } = await race(t, [
      { name: 'a' },
      { name: 'b' },
    ])
    start(second)
    start(first)
    push(second, role)
    push(first, role)
    assert.deepEqual(aborts, [0, 0])
    push(first, content)
    assert.deepEqual(aborts, [0, 1])
    assert.deepEqual(inFlight(), [1, 0])
    push(second, content)
    push(first, end)
    first.attempt.onComplete()
    const response = await answer
    assert.equal(await response.text(), role + content + end)
    assert.equal(response.headers.get('x-olla-endpoint'), 'a')
    assert.equal(response.headers.get('x-olla-hedge'), 'lost')
    assert.deepEqual(inFlight(), [0, 0])
    assert.deepEqual(totals().results, { won: 0, lost: 1, failed: 0, cancelled: 0 })
    assert.deepEqual([context.attempts, context.hedge?.loser?.endpoint], [[], 'b'])
  })

  it('passes what it held back before its content', async (t) => {
    const { second, answer } = await race(t, [{}, {}])
    start(second)
    push(second, role)
    push(second, content)
    push(second, end)
    second.attempt.onComplete()
    assert.equal(await (await answer).text(), role + content + end)
  })

  it('answers with the whole of an answer that comes in one piece', async (t) => {
    const { second, answer, aborts } = await race(t, [{}, {}])
    answerWith(second, 200, stream, role + content + end)
    assert.deepEqual(aborts, [1, 0])
    assert.equal(await (await answer).text(), role + content + end)
  })

  for (const [name, fail] of Object.entries<(sent: SentAttempt) => void>({
    'is reset': ({ attempt }) => attempt.onError(cutOff),
    'answers 503': (sent) => answerWith(sent, 503, ['Content-Length', '0']),
    'answers 404': (sent) => answerWith(sent, 404, ['Content-Type', 'application/json'], '{"error":"no"}'),
    'sends an error in its stream': (sent) =>
      answerWith(sent, 200, stream, 'data: {"error":{"message":"x"}}\n\n'),
    'ends without content': (sent) => answerWith(sent, 200, stream, role),
  })) {
    it(`changes nothing for the client if it ${name}`, async (t) => {
      const { first, second, sent, inFlight, answer, clock, totals } = await race(t, [
        { name: 'a' },
        { name: 'b' },
      ])
      fail(second)
      await clock.advance(1)
      assert.deepEqual(inFlight(), [1, 0])
      answerWith(first, 200, stream, content, end)
      const response = await answer
      assert.equal(await response.text(), content + end)
      assert.equal(response.headers.get('x-olla-endpoint'), 'a')
      assert.equal(sent.length, 2)
      assert.deepEqual(totals().results, { won: 0, lost: 0, failed: 1, cancelled: 0 })
      assert.deepEqual(inFlight(), [0, 0])
    })

    if (name === 'answers 404') continue
    it(`replaces a first attempt that ${name}`, async (t) => {
      const { first, second, sent, inFlight, answer, clock, context, totals } = await race(t, [
        { name: 'a' },
        { name: 'b' },
        { name: 'c' },
      ])
      fail(first)
      await clock.advance(1)
      assert.deepEqual([sent.length, inFlight()], [2, [0, 1, 0]])
      answerWith(second, 200, stream, content, end)
      assert.equal(await (await answer).text(), content + end)
      assert.deepEqual(
        context.attempts.map(({ endpoint }) => endpoint),
        ['a'],
      )
      assert.equal(context.endpoint, 'b')
      assert.deepEqual(totals().results, { won: 1, lost: 0, failed: 0, cancelled: 0 })
    })
  }

  it('begins late after the start of an attempt that replaced the first', async (t) => {
    const { clock, begin, sent } = createHedged(t, [{}, {}, {}])
    await begin()
    await clock.advance(hedgeDelayMs - 200)
    sent[0]?.attempt.onError(cutOff)
    await clock.advance(400)
    assert.equal(sent.length, 2)
    await clock.advance(hedgeDelayMs - 400)
    assert.deepEqual(
      sent.map(({ attempt }) => attempt.target.endpoint.slot),
      [0, 1, 2],
    )
  })

  it('fails over to a third endpoint if it fails after the first', async (t) => {
    const { first, second, sent, answer, clock, inFlight } = await race(t, [{}, {}, { name: 'c' }])
    first.attempt.onError(cutOff)
    second.attempt.onError(cutOff)
    await clock.advance(1)
    const third = sent[2]
    assert.ok(third !== undefined)
    answerWith(third, 200, stream, content, end)
    assert.equal((await answer).headers.get('x-olla-endpoint'), 'c')
    assert.deepEqual(inFlight(), [0, 0, 0])
  })

  it('is over with the request: both attempts are aborted', async (t) => {
    const { exchange, aborts, inFlight, totals, context } = await race(t, [{}, {}])
    exchange.cancel()
    assert.deepEqual(aborts, [1, 1])
    assert.deepEqual(inFlight(), [0, 0])
    assert.equal(context.outcome, 'cancelled')
    assert.deepEqual(totals().results, { won: 0, lost: 0, failed: 0, cancelled: 1 })
  })

  it('is over when the drain of its endpoint ends', async (t) => {
    const { services, aborts, inFlight, first, answer } = await race(t, [{ name: 'a' }, { name: 'b' }])
    const engine = new ProxyEngine('test', services)
    assert.deepEqual([engine.inFlightAt('a', undefined), engine.inFlightAt('b', 'native')], [1, 1])
    assert.equal(engine.cutAt('b'), 0)
    assert.deepEqual(
      [aborts, inFlight()],
      [
        [0, 1],
        [1, 0],
      ],
    )
    answerWith(first, 200, stream, content, end)
    assert.equal((await answer).headers.get('x-olla-endpoint'), 'a')
  })

  it('takes over when the drain of the first endpoint ends', async (t) => {
    const { services, aborts, inFlight, second, answer } = await race(t, [{ name: 'a' }, { name: 'b' }])
    assert.equal(new ProxyEngine('test', services).cutAt('a'), 0)
    assert.deepEqual(
      [aborts, inFlight()],
      [
        [1, 0],
        [0, 1],
      ],
    )
    answerWith(second, 200, stream, content, end)
    assert.equal((await answer).headers.get('x-olla-endpoint'), 'b')
  })

  it('is charged to the memory of bodies beside the first attempt', async (t) => {
    const budget = budgetOf(1_024_000)
    const sentBody = Buffer.alloc(204_800, 0x20)
    const variant = () => ({ path: '/v1/chat/completions', query: '', body: Buffer.from(sentBody) })
    const hedged = createHedged(t, [{}, {}], { services: { budget } })
    const { answer } = await hedged.begin({ variant })
    assert.equal(budget.heldBytes, 204_800)
    await hedged.clock.advance(hedgeDelayMs)
    assert.equal(budget.heldBytes, 409_600)
    answerWith(hedged.sent[1] ?? assert.fail(), 200, stream, content, end)
    await (await answer).text()
    assert.equal(budget.heldBytes, 0)
  })

  for (const winner of [0, 1]) {
    it(`leaves the record of its request as attempt ${winner + 1} was sent, if that answers`, async (t) => {
      const hedged = createHedged(t, [{}, {}])
      let known: RequestContext | undefined
      const { context, answer } = await hedged.begin({
        variant: () => {
          // What building the request of the second attempt notes.
          if (known !== undefined) known.isStreamedUpstream = true
          known?.headers.push('X-Olla-Dropped', 'seed')
          return undefined
        },
      })
      known = context
      await hedged.clock.advance(hedgeDelayMs)
      answerWith(hedged.sent[winner] ?? assert.fail(), 200, stream, content, end)
      const { headers } = await answer
      assert.equal(headers.get('x-olla-dropped'), winner === 1 ? 'seed' : null)
      assert.equal(context.isStreamedUpstream, winner === 1)
      assert.equal(context.lastEndpoint, hedged.candidates[winner]?.endpoint.name)
    })
  }

  it('counts the prompt tokens of requests with two attempts apart', async (t) => {
    const { first, answer, context, totals } = await race(t, [{}, {}])
    context.promptTokens = 7
    answerWith(first, 200, stream, content, end)
    await (await answer).text()
    assert.equal(totals().promptTokens, 7)
  })

  it('teaches the model of a lost first attempt that it took at least as long', async (t) => {
    const { second, times, answer } = await race(t, [{}, {}])
    const before = times.samples(0)
    answerWith(second, 200, stream, content, end)
    await (await answer).text()
    assert.equal(times.samples(0), before + 1)
  })
})

describe('no second attempt begins', () => {
  const rows: readonly (readonly [
    title: string,
    settings: Parameters<typeof createHedged>[1],
    over: Parameters<typeof createHedged>[2],
    refusal: 'line' | 'not_idle' | 'budget',
  ])[] = [
    ['on an endpoint without the model in memory', [{}, {}], { isWarm: [true, false] }, 'not_idle'],
    [
      'on an endpoint that does not report its models in memory',
      [{}, {}],
      { isWarm: [true, undefined] },
      'not_idle',
    ],
    ['on one whose engine serves others', [{}, {}], { others: (slot) => (slot === 1 ? 1 : 0) }, 'not_idle'],
    ['on one of lower priority', [{ priority: 9 }, { priority: 1 }], {}, 'not_idle'],
    ['with an exhausted budget', [{}, {}], { budget: 0 }, 'budget'],
  ]
  for (const [title, settings, over, refusal] of rows) {
    it(title, async (t) => {
      const { begin, clock, sent, inFlight, totals } = createHedged(t, settings, over)
      await begin()
      await clock.advance(10 * hedgeDelayMs)
      assert.equal(sent.length, 1)
      assert.deepEqual(inFlight(), [1, 0])
      assert.deepEqual(totals().refusals, { line: 0, not_idle: 0, budget: 0, [refusal]: 1 })
    })
  }

  it('on an endpoint that serves a request', async (t) => {
    const { begin, clock, sent, cells, totals } = createHedged(t, [{}, {}])
    await begin()
    cells.inFlight.acquire(1)
    await clock.advance(hedgeDelayMs)
    assert.equal(sent.length, 1)
    assert.equal(totals().refusals.not_idle, 1)
  })

  it('while requests wait in the line', async (t) => {
    const hedged = createHedged(t, [{}, {}])
    await hedged.begin()
    const { queue } = hedged.services
    Object.defineProperty(queue, 'waiting', { value: 1 })
    await hedged.clock.advance(hedgeDelayMs)
    assert.equal(hedged.sent.length, 1)
    assert.equal(hedged.totals().refusals.line, 1)
  })

  it('on an endpoint that is down', async (t) => {
    const { begin, clock, sent, registry } = createHedged(t, [{}, {}])
    await begin()
    registry.setStatus(1, 'offline', '')
    await clock.advance(hedgeDelayMs)
    assert.equal(sent.length, 1)
  })

  it('on an endpoint that failed', async (t) => {
    const { begin, clock, sent, load, candidates } = createHedged(t, [{}, {}])
    await begin()
    load.penalties.failed(candidates[1] ?? assert.fail(), 'endpoint')
    await clock.advance(hedgeDelayMs)
    assert.equal(sent.length, 1)
  })

  it('after the first content', async (t) => {
    const { begin, clock, sent } = createHedged(t, [{}, {}])
    await begin()
    const [first] = sent
    assert.ok(first !== undefined)
    start(first)
    push(first, content)
    await clock.advance(10 * hedgeDelayMs)
    assert.equal(sent.length, 1)
  })

  it('for a whole answer that the endpoint does not stream', async (t) => {
    const { begin, clock, sent } = createHedged(t, [{}, {}])
    await begin({ inspection: { isStream: false, isStreamOff: true, keys: undefined } })
    await clock.advance(10 * hedgeDelayMs)
    assert.equal(sent.length, 1)
  })

  it('for a model about which too little is known', async (t) => {
    const { begin, clock, sent, services } = createHedged(t, [{}, {}], {})
    const hedging = services.hedging
    assert.ok(hedging !== undefined && 'use' in hedging && typeof hedging.use === 'function')
    hedging.use({ share: 1, burst: 10, minSamples: 11 })
    await begin()
    await clock.advance(10 * hedgeDelayMs)
    assert.equal(sent.length, 1)
  })

  it('while hedging is off, for which no timer runs', async (t) => {
    const { begin, clock, sent } = createHedged(t, [{}, {}], { services: { hedging: undefined } })
    const { exchange } = await begin()
    const armed = clock.armed
    await clock.advance(10 * hedgeDelayMs)
    assert.equal(sent.length, 1)
    assert.equal(exchange.hedge, undefined)
    assert.equal(clock.armed, armed)
  })
})
