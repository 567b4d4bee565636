import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { ApiError } from '../../dashboard/src/api/api-error.ts'
import { createEventFeed, type FeedState } from '../../dashboard/src/api/event-feed.ts'
import { settle } from '../support/fake-clock.ts'

/** One connection of the feed under test. */
interface Connection {
  readonly lastEventId: string
  readonly signal: AbortSignal
  send(text: string): Promise<void>
  end(): Promise<void>
}

let connections: Connection[]
let states: FeedState[]
let received: string[]
let refusal: ApiError | undefined

function connect(lastEventId: string, signal: AbortSignal): Promise<Response> {
  if (refusal !== undefined) {
    connections.push({ lastEventId, signal, send: settle, end: settle })
    return Promise.reject(refusal)
  }
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>({
    start(started) {
      controller = started
    },
  })
  signal.addEventListener('abort', () => controller?.error(signal.reason))
  connections.push({
    lastEventId,
    signal,
    send(text) {
      controller?.enqueue(new TextEncoder().encode(text))
      return settled()
    },
    end() {
      controller?.close()
      return settled()
    },
  })
  return Promise.resolve(new Response(body))
}

/** Streams hand over in more turns than promises. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    await settle()
    await new Promise(setImmediate)
  }
}

async function pass(ms: number): Promise<void> {
  mock.timers.tick(ms)
  await settled()
}

const feed = () =>
  createEventFeed({
    connect,
    receive: (message) => received.push(message.kind),
    changeState: (state) => states.push(state),
  })

const hello = 'event: hello\ndata: {}\n\n'
const last = () => connections.at(-1) ?? assert.fail('no connection')

describe('the event feed', () => {
  beforeEach(() => {
    connections = []
    states = []
    received = []
    refusal = undefined
    mock.timers.enable({ apis: ['setTimeout'] })
    mock.method(Math, 'random', () => 0.5)
  })
  afterEach(() => {
    mock.timers.reset()
    mock.restoreAll()
  })

  it('is live from the first message, and skips unknown ones', async () => {
    const open = feed()
    open.open()
    open.open()
    await settled()
    assert.equal(connections.length, 1)
    assert.deepEqual(states, ['connecting'])
    await last().send(
      `${hello}event: moon\ndata: {}\n\nevent: event\ndata: not json\n\nevent: sample\ndata: {}\n\n`,
    )
    assert.deepEqual(states, ['connecting', 'live'])
    assert.deepEqual(received, ['hello', 'sample'])
    open.close()
  })

  it('resumes after the last event, with growing delays while it fails', async () => {
    const open = feed()
    open.open()
    await settled()
    await last().send(`${hello}id: r-7\nevent: event\ndata: {}\n\n`)
    await last().end()
    assert.equal(states.at(-1), 'lost')
    await pass(500)
    assert.equal(connections.length, 2)
    assert.equal(last().lastEventId, 'r-7')
    refusal = new ApiError('failed', 503, 'full')
    await last().end()
    await pass(999)
    assert.equal(connections.length, 2)
    await pass(1)
    assert.equal(connections.length, 3)
    await pass(2000)
    assert.equal(connections.length, 4)
    refusal = undefined
    await pass(4000)
    await last().send(hello)
    await last().end()
    await pass(500)
    assert.equal(connections.length, 6)
    open.close()
  })

  it('drops a silent connection; comments count as messages', async () => {
    const open = feed()
    open.open()
    await settled()
    await last().send(hello)
    await pass(30_000)
    await last().send(': keep-alive\n\n')
    await pass(30_000)
    assert.equal(last().signal.aborted, false)
    await pass(10_000)
    assert.equal(connections[0]?.signal.aborted, true)
    assert.equal(states.at(-1), 'lost')
    await pass(500)
    assert.equal(connections.length, 2)
    open.close()
  })

  it('does not retry if it is refused access', async () => {
    for (const [trouble, state] of [
      ['signed_out', 'signed_out'],
      ['refused', 'refused'],
    ] as const) {
      refusal = new ApiError(trouble, 401, 'no')
      const open = feed()
      open.open()
      await settled()
      assert.equal(states.at(-1), state)
      const before = connections.length
      await pass(60_000)
      assert.equal(connections.length, before)
    }
  })

  it('is silent once closed, and can be reopened', async () => {
    const open = feed()
    open.open()
    await settled()
    await last().send(`${hello}id: r-1\nevent: event\ndata: {}\n\n`)
    open.close()
    await pass(60_000)
    assert.equal(connections.length, 1)
    assert.deepEqual(states, ['connecting', 'live'])
    open.open()
    await settled()
    assert.equal(last().lastEventId, 'r-1')
    open.close()
  })
})
