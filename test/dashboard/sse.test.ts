import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readEvents, type ServerSentEvent, sseDecoder } from '../../dashboard/src/api/sse.ts'

function decodeAll(...chunks: string[]): ServerSentEvent[] {
  const decode = sseDecoder()
  return chunks.flatMap(decode)
}

describe('the decoder of server-sent events', () => {
  it('reads event, multi-line data and the last ID', () => {
    const text = ': hello\n\nid: a-1\nevent: sample\ndata: {"a":\ndata:1}\n\ndata: two\n\n'
    assert.deepEqual(decodeAll(text), [
      { event: 'sample', data: '{"a":\n1}', id: 'a-1' },
      { event: 'message', data: 'two', id: 'a-1' },
    ])
  })

  it('skips an event without data, and keeps its ID', () => {
    assert.deepEqual(decodeAll('event: ping\nid: 7\n\ndata: x\n\n'), [
      { event: 'message', data: 'x', id: '7' },
    ])
  })

  it('strips one space, reads fields without a colon, and skips a byte order mark', () => {
    assert.deepEqual(decodeAll('\uFEFFdata:  x\ndata\n\n'), [{ event: 'message', data: ' x\n', id: '' }])
  })

  it('reads the same for any chunking and line ends', () => {
    const fields = fc.array(
      fc.record({
        event: fc.constantFrom('', 'sample', 'event'),
        data: fc.array(fc.stringMatching(/^[a-z"{}: é🦙]*$/u), { minLength: 1, maxLength: 3 }),
      }),
      { maxLength: 5 },
    )
    fc.assert(
      fc.property(
        fields,
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.nat(400), { maxLength: 8 }),
        (events, end, cuts) => {
          const text = events
            .map(({ event, data }) =>
              [`event: ${event}`, ...data.map((line) => `data: ${line}`), '', ''].join(end),
            )
            .join('')
          const chunks: string[] = []
          let from = 0
          for (const cut of [...cuts, text.length].sort((a, b) => a - b)) {
            if (cut > text.length) continue
            chunks.push(text.slice(from, cut))
            from = cut
          }
          assert.deepEqual(
            decodeAll(...chunks).map(({ event, data }) => [event, data]),
            events.map(({ event, data }) => [event === '' ? 'message' : event, data.join('\n')]),
          )
        },
      ),
    )
  })

  it('rejects an endless line', () => {
    const decode = sseDecoder()
    assert.throws(() => {
      for (let count = 0; count < 10; count++) decode('x'.repeat(1_000_000))
    }, /too long/)
  })
})

describe('the events of a body', () => {
  it('joins characters split between chunks, reports every chunk, and cancels the rest on an early end', async () => {
    const bytes = new TextEncoder().encode('data: 🦙\n\n: comment\n\ndata: two\n\n')
    let cancelled = false
    let heard = 0
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
      },
      cancel() {
        cancelled = true
      },
    })
    const seen: string[] = []
    for await (const { data } of readEvents(body, () => heard++)) {
      seen.push(data)
      if (data === 'two') break
    }
    assert.deepEqual(seen, ['🦙', 'two'])
    assert.equal(heard, bytes.length)
    assert.equal(cancelled, true)
  })
})
