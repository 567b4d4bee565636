import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { webhookMessage } from '../../../src/callers/webhooks/message.ts'
import { signedHeaders, webhookKey } from '../../../src/callers/webhooks/signature.ts'
import {
  type SendMessage,
  WebhookQueue,
  type WebhookState,
} from '../../../src/callers/webhooks/webhook-queue.ts'
import type { GatewayEvent } from '../../../src/runtime/events/events.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const message = (id: string) => ({ id, body: Buffer.from('{}') })

/** A queue whose receiver answers with the next of `answers`; the last one is repeated. */
function start(
  answers: readonly (number | 'failed' | { statusCode: number; retryAfterMs: number })[],
  maxMessages = 10,
) {
  const clock = new FakeClock(Date.parse('2027-01-31T12:00:00Z'))
  const sent: { id: string; atMs: number }[] = []
  const states: WebhookState[] = []
  const begunMs = clock.nowMs()
  const send: SendMessage = async ({ id }) => {
    const answer = answers[Math.min(sent.length, answers.length - 1)] ?? 200
    sent.push({ id, atMs: clock.nowMs() - begunMs })
    if (answer === 'failed') throw new Error('connection refused')
    return typeof answer === 'number' ? { statusCode: answer, retryAfterMs: undefined } : answer
  }
  const queue = new WebhookQueue({
    clock,
    random: () => 0,
    send,
    onState: (state) => states.push(state),
    maxMessages,
  })
  return { clock, queue, sent, states }
}

describe('the queue of a webhook', () => {
  it('delivers each message once, in order', async () => {
    const { clock, queue, sent, states } = start([200])
    for (const id of ['a', 'b', 'c']) queue.push(message(id))
    await clock.advance(1)
    await clock.advance(1)
    await clock.advance(1)
    assert.deepEqual(
      sent.map(({ id }) => id),
      ['a', 'b', 'c'],
    )
    const { delivered, pending, failures, error, lastDeliveryAtMs } = queue.state
    assert.deepEqual([delivered, pending, failures, error, states.length], [3, 0, 0, undefined, 0])
    assert.ok(lastDeliveryAtMs !== undefined)
  })

  for (const [name, answer, error] of [
    ['an error', 500, 'status 500'],
    ['a redirect', 302, 'status 302'],
    ['a client error', 404, 'status 404'],
    ['a failed connection', 'failed', 'connection refused'],
  ] as const) {
    it(`repeats after ${name}, later each time, and reports it once`, async () => {
      const { clock, queue, sent, states } = start([answer, answer, answer, answer, 204])
      queue.push(message('a'))
      await clock.advance(1)
      assert.deepEqual([queue.state.error, queue.state.failures, queue.state.pending], [error, 1, 1])
      await clock.advance(20_000)
      assert.deepEqual(
        sent.map(({ atMs }) => atMs - (sent[0]?.atMs ?? 0)),
        // Half of 1, 2, 4 and 8 seconds: the jitter of this test is 0.
        [0, 500, 1_500, 3_500, 7_500],
      )
      assert.deepEqual(
        [queue.state.delivered, queue.state.error, queue.state.failingSinceMs],
        [1, undefined, undefined],
      )
      assert.deepEqual(
        states.map((state) => state.error),
        [error, undefined],
      )
    })
  }

  it('waits as long as the receiver asks', async () => {
    const { clock, queue, sent } = start([{ statusCode: 429, retryAfterMs: 30_000 }, 200])
    queue.push(message('a'))
    await clock.advance(29_000)
    assert.equal(sent.length, 1)
    await clock.advance(2_000)
    assert.equal(queue.state.delivered, 1)
  })

  it('does not let a message that fails hold up the others', async () => {
    const { clock, queue, sent } = start([500, 200, 200])
    queue.push(message('bad'))
    await clock.advance(1)
    queue.push(message('good'))
    await clock.advance(1)
    assert.deepEqual(
      sent.map(({ id }) => id),
      ['bad', 'good'],
    )
  })

  it('never waits longer than ten minutes, and gives a message up after a day', async () => {
    const { clock, queue, sent, states } = start([503])
    queue.push(message('a'))
    for (let hour = 0; hour < 26; hour++) await clock.advance(3_600_000)
    const gaps = sent.map(({ atMs }, at) => atMs - (sent[at - 1]?.atMs ?? atMs))
    assert.ok(Math.max(...gaps) <= 600_000, String(Math.max(...gaps)))
    assert.deepEqual([queue.state.pending, queue.state.dropped], [0, 1])
    assert.equal(states.at(-1)?.dropped, 1)
    const { length } = sent
    await clock.advance(3_600_000)
    assert.equal(sent.length, length)
  })

  it('keeps at most as many messages as it has room for: the oldest are dropped, and reported once', async () => {
    const { clock, queue, states } = start([500], 3)
    for (let count = 0; count < 10; count++) queue.push(message(String(count)))
    assert.deepEqual([queue.state.pending, queue.state.dropped], [3, 7])
    assert.equal(states.length, 1)
    await clock.advance(1)
    assert.equal(queue.state.pending, 3)
  })

  it('tries what was not tried yet when it closes, and counts what is lost', async () => {
    const { clock, queue, sent } = start([500, 200, 500])
    queue.push(message('tried'))
    await clock.advance(1)
    queue.push(message('new'))
    queue.push(message('newer'))
    assert.equal(await queue.close(), 2)
    assert.deepEqual(
      sent.map(({ id }) => id),
      ['tried', 'new', 'newer'],
    )
    queue.push(message('late'))
    assert.equal(queue.state.pending, 2)
  })

  it('keeps messages elsewhere until they have arrived or are given up, and takes over those of another', async () => {
    const clock = new FakeClock(Date.parse('2027-01-31T12:00:00Z'))
    const log: string[] = []
    let statusCode = 500
    const queue = new WebhookQueue({
      clock,
      random: () => 0,
      send: async () => ({ statusCode, retryAfterMs: undefined }),
      maxMessages: 3,
      kept: {
        put: (queued) => log.push(`+${queued.message.id}`),
        remove: (id) => log.push(`-${id}`),
      },
    })
    queue.restore([{ message: message('old'), queuedAtMs: clock.nowMs() - 86_399_000 }])
    for (const id of ['a', 'b', 'a', 'c']) queue.push(message(id))
    // There is room for three, and a message that waits is not added twice.
    assert.deepEqual(log, ['+a', '+b', '+c', '-old'])
    queue.restore([{ message: message('a'), queuedAtMs: clock.nowMs() }])
    assert.equal(queue.state.pending, 3)
    await clock.advance(10)
    statusCode = 204
    await clock.advance(10_000)
    assert.deepEqual(log.slice(4).toSorted(), ['-a', '-b', '-c'])
    queue.restore([{ message: message('expired'), queuedAtMs: clock.nowMs() - 86_400_000 }])
    statusCode = 500
    await clock.advance(10)
    assert.deepEqual([log.at(-1), queue.state.pending], ['-expired', 0])
  })
})

describe('a message of a webhook', () => {
  it('is signed as in the example of the specification', () => {
    // https://docs.svix.com/receiving/verifying-payloads/how-manual
    const key = webhookKey('whsec_plJ3nmyCDGBKInavdOK15jsl')
    const body = Buffer.from('{"event_type":"ping","data":{"success":true}}')
    assert.deepEqual(signedHeaders(key, 'msg_loFOjxBNrRLzqYUf', 1_731_705_121_999, body), [
      'webhook-id',
      'msg_loFOjxBNrRLzqYUf',
      'webhook-timestamp',
      '1731705121',
      'webhook-signature',
      'v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=',
    ])
  })

  const budget = (changes: object = {}): GatewayEvent => ({
    type: 'callers.budget',
    sequence: 7,
    atMs: 1_800_000_000_000,
    data: {
      state: 'soft',
      kind: 'key',
      id: 'key_1',
      name: 'ci',
      counted: 'money',
      window: 'month calendar',
      used: 8,
      limit: 10,
      resetsAt: '2027-02-01T00:00:00.000Z',
      ...changes,
    },
  })

  it('has the same ID for a crossing, wherever and whenever it is found', () => {
    const { id, body } = webhookMessage(budget(), 'one')
    assert.equal(webhookMessage({ ...budget({ used: 9 }), sequence: 99 }, 'other').id, id)
    for (const changes of [{ state: 'reached' }, { id: 'key_2' }, { resetsAt: '2027-03-01T00:00:00.000Z' }])
      assert.notEqual(webhookMessage(budget(changes), 'one').id, id)
    assert.deepEqual(JSON.parse(body.toString()), {
      type: 'callers.budget',
      timestamp: '2027-01-15T08:00:00.000Z',
      data: {
        state: 'soft',
        kind: 'key',
        id: 'key_1',
        name: 'ci',
        counted: 'money',
        window: 'month calendar',
        used: 8,
        limit: 10,
        resets_at: '2027-02-01T00:00:00.000Z',
      },
    })
  })

  it('has an ID of its own for other events', () => {
    const event = (sequence: number): GatewayEvent => ({
      type: 'callers.store',
      sequence,
      atMs: 0,
      data: { state: 'available', reason: null },
    })
    const ids = [webhookMessage(event(1), 'a'), webhookMessage(event(2), 'a'), webhookMessage(event(1), 'b')]
    assert.equal(new Set(ids.map(({ id }) => id)).size, 3)
  })
})
