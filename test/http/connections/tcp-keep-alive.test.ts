import assert from 'node:assert/strict'
import { it } from 'node:test'
import { tcpKeepAlive } from '../../../src/http/connections/tcp-keep-alive.ts'

it('TCP keep-alive is off with 0, and waits for a second at least', () => {
  assert.equal(tcpKeepAlive(0).keepAlive, false)
  for (const [idleMs, delayMs] of [
    [1, 1_000],
    [999, 1_000],
    [1_000, 1_000],
    [15_000, 15_000],
  ] as const)
    assert.deepEqual(tcpKeepAlive(idleMs), { keepAlive: true, keepAliveInitialDelay: delayMs })
})
