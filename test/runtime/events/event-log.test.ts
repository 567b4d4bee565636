import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { EventLog } from '../../../src/runtime/events/event-log.ts'
import type { GatewayEvent } from '../../../src/runtime/events/events.ts'

function createLog(capacity = 5) {
  const told: number[] = []
  const log = new EventLog({
    run: 'r1',
    capacity,
    onEvent: ({ sequence }) => told.push(sequence),
  })
  const eventOf = (sequence: number): GatewayEvent => ({
    type: 'endpoint.detected',
    sequence,
    atMs: 0,
    data: { endpoint: 'a', profile: 'vllm' },
  })
  const add = (sequence: number) => log.add(eventOf(sequence))
  const addEarlier = (sequences: readonly number[]) => log.addEarlier(sequences.map(eventOf))
  const resume = (id: string) => {
    const { events, gap } = log.since(id)
    return { events: events.map(({ sequence }) => sequence), gap }
  }
  return { log, told, add, addEarlier, resume }
}

describe('the event log', () => {
  it('keeps the last events and reports those that a client has missed', () => {
    const { add, resume, log } = createLog()
    assert.equal(log.lastId, undefined)
    for (let sequence = 1; sequence <= 8; sequence++) add(sequence)
    assert.equal(log.lastId, 'r1-8')
    assert.deepEqual(resume('r1-6'), { events: [7, 8], gap: undefined })
    assert.deepEqual(resume('r1-8'), { events: [], gap: undefined })
    assert.deepEqual(resume('r1-3'), { events: [4, 5, 6, 7, 8], gap: undefined })
    assert.deepEqual(resume('r1-1'), { events: [4, 5, 6, 7, 8], gap: { reason: 'too_old', missed: 2 } })
    assert.deepEqual(
      log.last(2).map(({ sequence }) => sequence),
      [7, 8],
    )
    assert.deepEqual(log.last(0), [])
  })

  it('recognises an event of another run, and an invalid ID', () => {
    const { add, resume } = createLog()
    add(1)
    const restarted = { events: [1], gap: { reason: 'restarted', missed: undefined } }
    for (const id of ['r0-1', '', 'r1', 'r1-', 'r1-x', '1', 'r1-1-1'])
      assert.deepEqual(resume(id), restarted, id)
  })

  it('tolerates gaps in numbers', () => {
    const { add, resume } = createLog()
    for (const sequence of [3, 5, 9]) add(sequence)
    assert.deepEqual(resume('r1-4'), { events: [5, 9], gap: undefined })
    assert.deepEqual(resume('r1-1'), { events: [3, 5, 9], gap: { reason: 'too_old', missed: 1 } })
  })

  it('replays exactly the new and kept events to a reconnecting client', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.integer({ min: 1, max: 20 }), fc.nat(40), (count, capacity, seen) => {
        const { add, resume, told } = createLog(capacity)
        for (let sequence = 1; sequence <= count; sequence++) add(sequence)
        const { events, gap } = resume(`r1-${seen}`)
        assert.deepEqual(
          events,
          told.slice(-capacity).filter((sequence) => sequence > seen),
        )
        const isNew = told.filter((sequence) => sequence > seen).length
        assert.equal(gap?.missed ?? 0, isNew - events.length)
      }),
    )
  })

  it('takes earlier events from another thread', () => {
    const { add, addEarlier, resume, told, log } = createLog(4)
    add(6)
    add(7)
    addEarlier([3, 4, 5, 6, 7])
    assert.deepEqual(resume('r1-4'), { events: [5, 6, 7], gap: undefined })
    assert.deepEqual(resume('r1-0').events, [4, 5, 6, 7])
    assert.deepEqual(told, [6, 7])
    const late = createLog()
    late.addEarlier([1, 2])
    assert.equal(late.log.lastId, 'r1-2')
    // Already sent when the other thread was requested.
    late.add(2)
    late.add(3)
    assert.deepEqual(late.resume('r1-0').events, [1, 2, 3])
    log.addEarlier([])
    assert.equal(log.lastId, 'r1-7')
  })

  it('writes an event once, as one message with its ID, and bounds the texts in it', () => {
    const { log } = createLog()
    log.add({
      type: 'limit.rejected',
      sequence: 1,
      atMs: 1_700_000_000_000,
      data: { requestId: 'x\ny', kind: 'rate', client: 'c'.repeat(600) },
    })
    const message = log.last(1)[0]?.message ?? ''
    const [id, event, data, ...rest] = message.split('\n')
    assert.equal(id, 'id: r1-1')
    assert.equal(event, 'event: event')
    assert.deepEqual(rest, ['', ''])
    const shown = JSON.parse(data?.slice('data: '.length) ?? '')
    assert.equal(shown.data.request_id, 'x\ny')
    assert.equal(shown.data.client.length, 501)
    assert.equal(shown.at, '2023-11-14T22:13:20.000Z')
  })

  it('serializes undefined as null', () => {
    const { log } = createLog()
    log.add({
      type: 'request.failover',
      sequence: 1,
      atMs: 0,
      data: { requestId: 'a', model: undefined, from: 'b', reason: 'c' },
    })
    assert.match(log.last(1)[0]?.message ?? '', /"request_id":"a","model":null,"from":"b"/)
  })
})
