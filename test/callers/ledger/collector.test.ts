import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { namedByHost } from '../../../src/callers/directory/authenticate.ts'
import { CallerDirectory } from '../../../src/callers/directory/directory.ts'
import { UsageCollector } from '../../../src/callers/ledger/collector.ts'
import { hourMs } from '../../../src/callers/ledger/usage-row.ts'
import type { RequestRecord } from '../../../src/proxy/contract/request-record.ts'
import { firstHour } from './rows.ts'

const directory = new CallerDirectory()
const ann = { identity: directory.external(namedByHost('ann')).caller }

function record(rest: Partial<RequestRecord> = {}): RequestRecord {
  return {
    endpointSlot: 0,
    model: 'm',
    outcome: 'success',
    status: 200,
    requestBytes: 1,
    responseBytes: 1,
    durationMs: 10,
    firstByteMs: 1,
    promptTokens: 3,
    completionTokens: 2,
    completedAtMs: firstHour * hourMs,
    routing: 'routed',
    ...rest,
  }
}

const start = (maxRows?: number) =>
  new UsageCollector({ endpointName: (slot) => `e${slot}`, ...(maxRows === undefined ? {} : { maxRows }) })

describe('the collector of use', () => {
  it('adds up by caller, model and endpoint, and begins anew when taken', () => {
    const collector = start()
    for (const endpointSlot of [0, 2, 2]) collector.add(ann, record({ endpointSlot }))
    collector.add({ identity: directory.external(namedByHost('bob')).caller }, record())
    const rows = collector.take()
    assert.deepEqual(
      rows.map(({ owner, model, endpoint, requests, promptTokens }) => [
        owner,
        model,
        endpoint,
        requests,
        promptTokens,
      ]),
      [
        ['ann', 'm', 'e0', 1, 3],
        ['ann', 'm', 'e2', 2, 6],
        ['bob', 'm', 'e0', 1, 3],
      ],
    )
    assert.deepEqual(collector.take(), [])
  })

  it('counts every outcome once', () => {
    const cases: [Partial<RequestRecord>, string][] = [
      [{}, 'ok'],
      [{ outcome: 'rejection', status: 404 }, 'clientErrors'],
      [{ outcome: 'rejection', status: 429 }, 'clientErrors'],
      [{ outcome: 'rejection', status: 429, endpointSlot: undefined }, 'refused'],
      [{ outcome: 'rejection', status: 404, endpointSlot: undefined }, 'clientErrors'],
      [{ outcome: 'failure', status: 502 }, 'upstreamErrors'],
      [{ outcome: 'client_closed', status: 200 }, 'cancelled'],
      [{ outcome: 'cancelled', status: 200 }, 'cancelled'],
    ]
    const names = ['ok', 'clientErrors', 'upstreamErrors', 'cancelled', 'refused'] as const
    for (const [rest, expected] of cases) {
      const collector = start()
      collector.add(ann, record(rest))
      const [row] = collector.take()
      assert.deepEqual(
        names.filter((name) => row?.[name] === 1),
        [expected],
      )
      assert.equal(row?.requests, 1)
    }
  })

  it('counts a request for the hour in which it ended', () => {
    const collector = start()
    const atMs = (firstHour + 1) * hourMs
    for (const completedAtMs of [atMs - 1, atMs, atMs + 5, atMs - 1])
      collector.add(ann, record({ completedAtMs }))
    const hours = collector.take().map(({ hour, requests }) => [hour - firstHour, requests])
    assert.deepEqual(hours, [
      [0, 1],
      [1, 2],
      [0, 1],
    ])
  })

  it('is bounded, whatever names clients invent', () => {
    const collector = start(20)
    for (let at = 0; at < 1_000; at++) {
      collector.add(
        ann,
        record({
          model: `m${at}`,
          outcome: 'rejection',
          status: 404,
          routing: 'fallback',
          completionTokens: undefined,
        }),
      )
      collector.add(ann, record({ model: `${at}${'x'.repeat(5_000)}` }))
    }
    const rows = collector.take()
    assert.ok(rows.length <= 21, String(rows.length))
    assert.equal(
      rows.reduce((sum, { requests }) => sum + requests, 0),
      2_000,
    )
    assert.equal(rows.find(({ model }) => model === '(unknown)')?.requests, 1_000)
    assert.ok(rows.every(({ model }) => model.length <= 128))
  })
})
