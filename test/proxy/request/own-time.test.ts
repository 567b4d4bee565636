import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openai } from '../../../src/dialects/openai/index.ts'
import { RequestContext } from '../../../src/proxy/contract/context.ts'
import { ownTimeMs, upstreamTimeMs } from '../../../src/proxy/request/own-time.ts'

function context(times: Partial<RequestContext>): RequestContext {
  return Object.assign(new RequestContext('id', 0, openai, 'proxy', '127.0.0.1'), times)
}

const failed = { endpoint: 'a', startedMs: 0, sentMs: 0, statusCode: 503, reason: 'status 503' }

describe('gateway time and endpoint time', () => {
  it('are separate: uploads, waits and failed attempts are not gateway time', () => {
    const all = context({
      receivedMs: 100,
      queuedMs: 30,
      attempts: [
        { ...failed, durationMs: 5 },
        { ...failed, durationMs: 7 },
      ],
      attemptMs: 144,
      firstByteMs: 200,
    })
    assert.equal(ownTimeMs(all), 2)
    assert.equal(upstreamTimeMs(all), 56)
  })

  it('are unknown if no endpoint was tried or none has answered', () => {
    assert.equal(ownTimeMs(context({ receivedMs: 1 })), undefined)
    assert.equal(ownTimeMs(context({ attemptMs: 1 })), undefined)
    assert.equal(upstreamTimeMs(context({ attemptMs: 1 })), undefined)
    assert.equal(upstreamTimeMs(context({ firstByteMs: 2, attemptMs: 5 })), undefined)
  })

  it('are never negative, even if clocks round', () => {
    assert.equal(ownTimeMs(context({ receivedMs: 5, attemptMs: 5, queuedMs: 0.1 })), 0)
  })
})
