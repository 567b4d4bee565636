import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  BodyTooLargeError,
  type WholeAnswerOptions,
  wholeAnswer,
} from '../../../src/endpoints/connections/whole-answer.ts'
import type { RequestHandler } from '../../../src/http/client/contract.ts'

const request = { method: 'GET', path: '/health', headers: [], body: null }
const resume = () => {}

/** Asks a pool that the test plays. */
function ask(options: Partial<WholeAnswerOptions> = {}) {
  let handler: RequestHandler | undefined
  const aborts: unknown[] = []
  const ended = new AbortController()
  const answer = wholeAnswer(
    {
      send(_request, given) {
        handler = given
      },
    },
    request,
    { signal: ended.signal, maxBytes: 10, dropsBody: false, ...options },
  )
  assert.ok(handler !== undefined)
  return { answer, handler, aborts, ended, abort: (error?: Error) => void aborts.push(error) }
}

describe('wholeAnswer', () => {
  it('reads an answer whole, past interim ones', async () => {
    const { answer, handler, abort, aborts } = ask()
    handler.onConnect(abort)
    handler.onHeaders(103, ['Link', 'x'], resume)
    handler.onHeaders(200, ['Content-Type', 'text/plain'], resume)
    assert.equal(handler.onData(Buffer.from('01234')), true)
    assert.equal(handler.onData(Buffer.from('56789')), true)
    handler.onComplete()
    const { statusCode, headers, body } = await answer
    assert.deepEqual(
      [statusCode, headers, body.toString()],
      [200, ['Content-Type', 'text/plain'], '0123456789'],
    )
    assert.deepEqual(aborts, [])
  })

  it('ends the request with its connection if the body is too long', async () => {
    const { answer, handler, abort, aborts } = ask()
    handler.onConnect(abort)
    handler.onHeaders(200, [], resume)
    handler.onData(Buffer.alloc(11))
    handler.onData(Buffer.alloc(11))
    handler.onError(new Error('aborted'))
    await assert.rejects(answer, BodyTooLargeError)
    assert.equal(aborts.length, 1)
  })

  it('resolves without a body that is not wanted, however long it is', async () => {
    const { answer, handler, abort, aborts } = ask({ dropsBody: true })
    handler.onConnect(abort)
    handler.onHeaders(200, [], resume)
    handler.onData(Buffer.alloc(10))
    assert.equal(aborts.length, 0)
    handler.onData(Buffer.alloc(1))
    handler.onError(new Error('aborted'))
    const { statusCode, body } = await answer
    assert.deepEqual([statusCode, body.length, aborts.length], [200, 0, 1])
  })

  for (const isConnected of [true, false]) {
    it(`ends when its signal aborts, ${isConnected ? 'with' : 'before'} a connection`, async () => {
      const { answer, handler, abort, aborts, ended } = ask()
      if (isConnected) handler.onConnect(abort)
      ended.abort(new Error('late'))
      await assert.rejects(answer, { message: 'late' })
      if (!isConnected) handler.onConnect(abort)
      assert.equal(aborts.length, 1)
      handler.onError(new Error('aborted'))
    })
  }

  it('sends nothing if its signal has aborted', async () => {
    const unasked = { send: () => assert.fail() }
    const options = { signal: AbortSignal.abort(new Error('late')), maxBytes: 1, dropsBody: false }
    await assert.rejects(wholeAnswer(unasked, request, options), { message: 'late' })
  })

  it('rejects with what the client throws or reports', async () => {
    const { answer, handler } = ask()
    handler.onError(new Error('refused'))
    await assert.rejects(answer, { message: 'refused' })
    const throwing = {
      send() {
        throw new Error('closed')
      },
    }
    const options = { signal: new AbortController().signal, maxBytes: 1, dropsBody: false }
    await assert.rejects(wholeAnswer(throwing, request, options), { message: 'closed' })
  })
})
