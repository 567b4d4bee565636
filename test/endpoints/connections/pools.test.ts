import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createTcpServer } from 'node:net'
import { describe, it } from 'node:test'
import { createUpstreamFetch, FetchError } from '../../../src/endpoints/connections/fetch.ts'
import { UpstreamPools } from '../../../src/endpoints/connections/pools.ts'
import { wholeAnswer } from '../../../src/endpoints/connections/whole-answer.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { eventually, withSimulator } from '../../support/simulator.ts'

const timeouts = { connectMs: 1000, tlsMs: 1000 }

describe('UpstreamPools', () => {
  it('keeps one pool per origin and limits', (t) => {
    const pools = new UpstreamPools(new FakeClock())
    t.after(() => pools.close())
    const a = pools.get({ origin: 'http://127.0.0.1:1', timeouts })
    assert.equal(pools.get({ origin: 'http://127.0.0.1:1', timeouts }), a)
    assert.notEqual(pools.get({ origin: 'http://127.0.0.1:2', timeouts }), a)
    assert.notEqual(pools.get({ origin: 'http://127.0.0.1:1', timeouts: { connectMs: 5, tlsMs: 5 } }), a)
    assert.equal(pools.size, 3)
  })

  it('closes an idle pool and its sockets', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm' })
    const clock = new FakeClock()
    const pools = new UpstreamPools(clock, { poolIdleTimeoutMs: 10_000 })
    t.after(() => pools.close())
    const fetch = createUpstreamFetch(pools)
    await fetch({ url: `${simulator.url}/health`, headers: [], timeoutMs: 1000, maxBytes: 1000 })
    assert.equal(simulator.control.counters().openSockets, 1)
    await clock.advance(9_000)
    assert.equal(pools.size, 1)
    await clock.advance(16_000)
    await eventually(() => simulator.control.counters().openSockets === 0)
    // The next sweep drops the pool, which has no connection anymore.
    await clock.advance(5_000)
    assert.equal(pools.size, 0)
  })

  it('aborts a TLS handshake that never completes', async (t) => {
    const silent = createTcpServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    t.after(() => silent.close())
    const address = silent.address()
    const origin = `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    const accepted = once(silent, 'connection')
    const clock = new FakeClock()
    const pools = new UpstreamPools(clock)
    t.after(() => pools.close())
    const pool = pools.get({ origin, timeouts: { connectMs: 10_000, tlsMs: 100 } })
    const answer = wholeAnswer(
      pool,
      { path: '/', method: 'GET', headers: [], body: null },
      { signal: new AbortController().signal, maxBytes: 1, dropsBody: false },
    )
    let hasEnded = false
    const failed = assert.rejects(answer, { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' }).finally(() => {
      hasEnded = true
    })
    await accepted
    // The limit of the TCP connection is replaced by that of the handshake.
    await eventually(async () => {
      await clock.advance(100)
      return hasEnded
    })
    await failed
  })
})

describe('createUpstreamFetch', () => {
  it('fails with a failure kind, never with an address', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm' })
    const pools = new UpstreamPools(new FakeClock())
    t.after(() => pools.close())
    const fetch = createUpstreamFetch(pools)
    const ask = (timeoutMs = 1000, maxBytes = 1000) =>
      fetch({ url: `${simulator.url}/v1/models`, headers: [], timeoutMs, maxBytes })
    await assert.rejects(ask(1000, 10), /answer larger than 10 bytes/)
    await simulator.control.setFault({ kind: 'hang', path: '/v1/models' })
    await assert.rejects(
      ask(50),
      (error) => error instanceof FetchError && error.failure.kind === 'first_byte_timeout',
    )
    await simulator.control.clearFaults()
    await simulator.close()
    await assert.rejects(
      ask(),
      (error) =>
        error instanceof FetchError && error.failure.kind === 'refused' && !error.message.includes('127'),
    )
  })
})
