import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SseReader } from '../../../src/kernel/stream/sse-reader.ts'

interface Event {
  readonly name: string
  readonly data: string
}

/** Reads chunks to the end of the stream. */
function read(chunks: readonly Buffer[], maxEventBytes?: number): { events: Event[]; skipped: number } {
  const events: Event[] = []
  const reader = new SseReader((data, name) => events.push({ name, data: data.toString() }), maxEventBytes)
  for (const chunk of chunks) reader.push(chunk)
  reader.end()
  return { events, skipped: reader.skippedEvents }
}

const readText = (text: string, maxEventBytes?: number) => read([Buffer.from(text)], maxEventBytes)

/** Pieces of bytes cut at the given offsets. */
function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const offsets = [0, ...cuts.map((each) => each % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return offsets.slice(1).map((end, index) => bytes.subarray(offsets[index], end))
}

const line = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/[\r\n]/g, ''))
const lineEnd = fc.constantFrom('\n', '\r', '\r\n')
const event = fc.record({
  name: line,
  lines: fc.array(line, { minLength: 1, maxLength: 4 }),
  comment: fc.option(line, { nil: undefined }),
})

/** A stream and the events in it, by a line end of its own each time. */
const streams = fc
  .tuple(fc.array(event, { maxLength: 6 }), fc.infiniteStream(lineEnd), fc.boolean())
  .map(([events, ends, hasMark]) => {
    const next = () => ends.next().value as string
    let text = ''
    for (const { name, lines, comment } of events) {
      // A lone CR before a line that begins with LF would be one line end: no line begins so.
      if (comment !== undefined) text += `:${comment}${next()}`
      if (name !== '') text += `event: ${name}${next()}`
      text += `id: 7${next()}`
      for (const each of lines) text += `data: ${each}${next()}`
      // The empty line: CR LF in two halves would not be one.
      const end = next()
      text += text.endsWith('\r') && end.startsWith('\n') ? '\r' : end
    }
    return {
      bytes: Buffer.from((hasMark ? '\ufeff' : '') + text),
      events: events.map(({ name, lines }) => ({ name, data: lines.join('\n') })),
    }
  })

describe('SseReader', () => {
  it('reads names, multi-line data, comments and unknown fields', () => {
    const { events } = readText(
      ': hello\n\nevent: delta\nid: 3\nretry: 100\ndata: {"a":1}\n\ndata:one\ndata:  two\ndata\nother: x\n\n',
    )
    assert.deepEqual(events, [
      { name: 'delta', data: '{"a":1}' },
      { name: '', data: 'one\n two\n' },
    ])
  })

  it('dispatches nothing for an event without data, and resets its name', () => {
    assert.deepEqual(readText('event: ping\n\ndata: x\n\n').events, [{ name: '', data: 'x' }])
  })

  it('treats a field `error` as an event of that name', () => {
    assert.deepEqual(readText('error: {"code":400}\n\ndata: a\n\nerrors: no\n\n').events, [
      { name: 'error', data: '{"code":400}' },
      { name: '', data: 'a' },
    ])
  })

  it('ignores fields that only share a prefix', () => {
    assert.deepEqual(readText('dat: 1\ndatax: 2\nDATA: 3\ndata: 4\n\n').events, [{ name: '', data: '4' }])
  })

  it('reads a stream that ends without its last empty line or line end', () => {
    assert.deepEqual(readText('data: [DONE]\n').events, [{ name: '', data: '[DONE]' }])
    assert.deepEqual(readText('data: [DONE]').events, [{ name: '', data: '[DONE]' }])
    assert.deepEqual(readText('').events, [])
  })

  it('dispatches an event when its empty line arrives, not later', () => {
    const events: string[] = []
    const reader = new SseReader((data) => events.push(data.toString()))
    reader.push(Buffer.from('data: 1\n\ndata: 2\n'))
    assert.deepEqual(events, ['1'])
    reader.push(Buffer.from('\n'))
    assert.deepEqual(events, ['1', '2'])
    reader.push(Buffer.from('data: 3\r\n\r'))
    assert.deepEqual(events, ['1', '2', '3'])
  })

  it('returns the same events for any chunking and line ends', () => {
    fc.assert(
      fc.property(streams, fc.array(fc.nat(2000), { maxLength: 20 }), ({ bytes, events }, cuts) => {
        assert.deepEqual(read(cut(bytes, cuts)).events, events)
      }),
      { numRuns: 1000 },
    )
  })

  it('reads byte by byte, with empty chunks in between', () => {
    const bytes = Buffer.from('\ufeffevent: é\r\ndata: Grüße 🦙\r\rdata: 2\n\n')
    const single = [...bytes].flatMap((byte) => [Buffer.from([byte]), Buffer.alloc(0)])
    assert.deepEqual(read(single).events, [
      { name: 'é', data: 'Grüße 🦙' },
      { name: '', data: '2' },
    ])
  })

  it('skips events over the limit, in one line or many, and continues', () => {
    const long = `data: ${'x'.repeat(100)}\n\n`
    const many = `${'data: 123456789\n'.repeat(8)}\n`
    const { events, skipped } = readText(`data: a\n\n${long}data: b\n\n${many}data: c\n\n`, 64)
    assert.deepEqual(
      events.map(({ data }) => data),
      ['a', 'b', 'c'],
    )
    assert.equal(skipped, 2)
  })

  it('skips the same events for any chunking', () => {
    const text = `data: ${'x'.repeat(58)}\n\ndata: ${'y'.repeat(59)}\n\n:${'c'.repeat(200)}\ndata: z\n\n`
    const whole = readText(text, 64)
    fc.assert(
      fc.property(fc.array(fc.nat(2000), { maxLength: 20 }), (cuts) => {
        assert.deepEqual(read(cut(Buffer.from(text), cuts), 64), whole)
      }),
    )
  })

  it('skips a line that never ends as one event, whatever its length', () => {
    const reader = new SseReader(() => assert.fail('no event'), 1024)
    for (let count = 0; count < 100; count++) reader.push(Buffer.alloc(512, 'x'))
    assert.equal(reader.skippedEvents, 0)
    reader.push(Buffer.from('\n\n'))
    assert.equal(reader.skippedEvents, 1)
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), (chunks) => {
        read(chunks.map((each) => Buffer.from(each)))
      }),
    )
  })
})
