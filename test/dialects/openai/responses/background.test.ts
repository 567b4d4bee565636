import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BackgroundRun } from '../../../../src/dialects/openai/responses/background/background-run.ts'
import {
  BackgroundRuns,
  type Launch,
} from '../../../../src/dialects/openai/responses/background/background-runs.ts'
import { eventsAfter } from '../../../../src/dialects/openai/responses/store/event-answer.ts'
import { GatewayError } from '../../../../src/kernel/errors.ts'
import { LocalLink } from '../../../../src/runtime/links/local-link.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { toSse } from './support.ts'

function start(limits: { maxRuns?: number; maxBytes?: number } = {}) {
  let ids = 0
  const kept: BackgroundRun[] = []
  const runs = new BackgroundRuns({
    clock: new FakeClock(),
    peers: new LocalLink((error) => assert.fail(String(error))),
    maxRuns: 9,
    maxBytes: 100_000,
    newId: (prefix) => `${prefix}_${++ids}`,
    keep: async (run) => void kept.push(run),
    ...limits,
  })
  const stop = runs.listen()
  let stops = 0
  const launch = () => () => {
    stops++
  }
  const run = (own: object = {}, bytes = 10) =>
    runs.start(
      { own: { model: 'm', input: 'x', background: true, ...own }, body: Buffer.alloc(bytes), owner: 'ann' },
      launch,
    )
  return { runs, run, kept, stop, stops: () => stops, settle: () => new Promise(setImmediate) }
}

const event = (type: string, beside: object = {}) => ({
  type: `response.${type}`,
  sequence_number: 7,
  ...beside,
})
const theirs = { id: 'resp_theirs', model: 'm', output: [{ id: 'msg_1' }], store: false }
const stream = [
  event('created', { response: { ...theirs, status: 'in_progress' } }),
  event('in_progress', { response: { ...theirs, status: 'in_progress' } }),
  event('output_text.delta', { delta: 'a' }),
  event('completed', { response: { ...theirs, status: 'completed' } }),
]

describe('a response in the background', () => {
  it('has the ID and the numbers of the gateway, whatever the endpoint sends', async () => {
    const { run, kept, runs, settle, stops } = start()
    const made = run({ stream: true, previous_response_id: 'resp_0' })
    assert.deepEqual(
      [made.response.id, made.response.status, made.response.background, made.response.store],
      ['resp_1', 'queued', true, true],
    )
    made.begin(200, true)
    const bytes = toSse(stream, '')
    for (let at = 0; at < bytes.length; at += 11) made.write(bytes.subarray(at, at + 11))
    made.end(true)
    await settle()
    assert.deepEqual(kept, [made])
    assert.deepEqual([runs.size, stops()], [0, 0])
    const { id, status, store, previous_response_id: previous, output } = made.response
    assert.deepEqual([id, status, store, previous], ['resp_1', 'completed', true, 'resp_0'])
    assert.deepEqual(output, theirs.output)
    const events = made
      .eventsAfter(-1)
      .events?.map((text) => JSON.parse(text.slice(text.indexOf('data: ') + 6)))
    assert.deepEqual(
      events?.map(({ type, sequence_number: number }) => [type, number]),
      [
        ['response.created', 0],
        ['response.queued', 1],
        ['response.in_progress', 2],
        ['response.output_text.delta', 3],
        ['response.completed', 4],
      ],
    )
    for (const { response } of events ?? []) assert.ok(response === undefined || response.id === 'resp_1')
    assert.deepEqual(made.eventsAfter(2).events?.length, 2)
    const rest: string[] = []
    for await (const text of eventsAfter(Buffer.from(made.events ?? ''), 2)) rest.push(text)
    assert.equal(rest.join(''), made.eventsAfter(2).events?.join(''))
  })

  const failures: readonly (readonly [string, (run: BackgroundRun) => void, object])[] = [
    [
      'a stream that breaks off',
      (run) => {
        run.begin(200, true)
        run.write(toSse(stream.slice(0, 2), ''))
        run.end(false)
      },
      { code: 'server_error', message: 'The endpoint ended its answer before it was complete.' },
    ],
    [
      'an error event at the end',
      (run) => {
        run.begin(200, true)
        run.write(toSse([{ type: 'error', code: 'rate_limit_exceeded', message: 'slow down' }], ''))
        run.end(true)
      },
      { code: 'rate_limit_exceeded', message: 'slow down' },
    ],
    [
      'an error status',
      (run) => {
        run.begin(400, false)
        run.write(Buffer.from('{"error":{"message":"bad","code":"invalid_prompt"}}'))
        run.end(true)
      },
      { code: 'invalid_prompt', message: 'bad' },
    ],
    [
      'an answer that is no stream',
      (run) => {
        run.begin(200, false)
        run.write(Buffer.from('{}'))
        run.end(true)
      },
      { code: 'server_error', message: 'The endpoint ended its answer before it was complete.' },
    ],
    [
      'a refusal later on',
      (run) => run.refuse(new GatewayError('no_healthy_endpoints', 'none')),
      { code: 'server_is_overloaded', message: 'none' },
    ],
  ]
  for (const [name, happen, error] of failures) {
    it(`fails after ${name}`, async () => {
      const { run, kept, settle } = start()
      const made = run({ stream: true })
      happen(made)
      await settle()
      assert.deepEqual([made.response.status, made.response.error], ['failed', error])
      const types = made.eventsAfter(-1).events?.map((text) => text.slice(7, text.indexOf('\n')))
      assert.equal(types?.filter((type) => type === 'error').length, 1)
      assert.equal(types?.at(-1), 'response.failed')
      assert.deepEqual(kept, [made])
    })
  }

  it('is cancelled once, and only by its caller', async () => {
    const { run, runs, settle, stops, kept } = start()
    const { id } = run()
    assert.equal(await runs.end({ id, owner: 'bob' }, false), undefined)
    assert.equal(await runs.read({ id, owner: undefined }), undefined)
    const ended = await runs.end({ id, owner: 'ann' }, false)
    assert.match(ended?.response ?? '', /"status":"cancelled"/)
    await settle()
    assert.deepEqual([stops(), kept.length, runs.size], [1, 1, 0])
  })

  it('is not kept if it is deleted or refused at once', async () => {
    const { run, runs, settle, stops, kept } = start()
    await runs.end({ id: run().id, owner: 'ann' }, true)
    const request = { own: { model: 'm' }, body: Buffer.alloc(1), owner: undefined }
    const refusal = new GatewayError('model_not_found')
    const refusing = () => {
      throw refusal
    }
    assert.throws(() => runs.start(request, refusing), refusal)
    const refusingLater: Launch = (_body, _id, sink) => {
      sink.refuse(refusal)
      return () => {}
    }
    assert.throws(() => runs.start(request, refusingLater), refusal)
    await settle()
    assert.deepEqual([kept.length, runs.size, stops()], [0, 0, 1])
  })

  it('waits for the next event', async () => {
    const { run, runs } = start()
    const made = run({ stream: true })
    const name = { id: made.id, owner: 'ann' }
    const next = runs.follow(name, 1)
    made.begin(200, true)
    made.write(toSse([event('in_progress', { response: theirs })], ''))
    assert.equal((await next)?.events?.length, 1)
  })

  it('is bounded in number and memory', async () => {
    const few = start({ maxRuns: 1 })
    few.run()
    assert.throws(() => few.run(), { code: 'rate_limited', retryAfterSeconds: 5 })
    const small = start({ maxBytes: 5_000 })
    assert.throws(() => small.run({}, 6_000), { code: 'rate_limited' })
    const made = small.run({ stream: true })
    made.begin(200, true)
    for (let count = 0; count < 100; count++)
      made.write(toSse([event('output_text.delta', { delta: 'x'.repeat(100) })], ''))
    assert.equal(made.response.status, 'failed')
    assert.match(JSON.stringify(made.response.error), /too large/)
    assert.equal(small.stops(), 1)
    await small.settle()
    // Its memory is free again.
    small.run({}, 4_000)
  })

  it('ends as failed, with a reason, if the gateway stops before it is complete', async () => {
    const { runs, run, kept, stops } = start()
    const made = [run({ stream: true }), run()]
    await runs.close()
    assert.deepEqual(kept, made)
    assert.equal(stops(), 2)
    for (const { response } of made) {
      assert.equal(response.status, 'failed')
      assert.deepEqual(response.error, {
        code: 'server_error',
        message: 'The gateway stopped before the response was complete.',
      })
    }
    assert.match(made[0]?.events ?? '', /response\.failed/)
    await runs.close()
    assert.equal(kept.length, 2)
  })

  it('says when it is over, once it has been stored', async () => {
    const { runs, kept, settle } = start()
    const over: string[] = []
    const begin = (name: string) =>
      runs.start(
        {
          own: { model: 'm' },
          body: Buffer.alloc(1),
          owner: undefined,
          whenOver: () => over.push(`${name} ${kept.length}`),
        },
        () => () => undefined,
      )
    const made = begin('cancelled')
    await settle()
    assert.deepEqual(over, [])
    made.cancel()
    await settle()
    assert.deepEqual(over, ['cancelled 1'])
  })
})
