import assert from 'node:assert/strict'
import { PassThrough, type Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { BodyCopies } from '../../../../src/dialects/ollama/manage/body-copies.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { eventually } from '../../../support/simulator.ts'

const chunk = Buffer.alloc(65_536, 'x')

function copiesOf(count: number) {
  const clock = new FakeClock()
  const source = new PassThrough()
  const copies = new BodyCopies(source, { clock, stallMs: 1_000 })
  const stalled: number[] = []
  const read: number[] = []
  const streams = Array.from(
    { length: count },
    (_, at): Readable => copies.add({ onRead: () => read.push(at), onStalled: () => stalled.push(at) }),
  )
  copies.start()
  return { clock, source, stalled, read, streams }
}

function bytesRead(stream: Readable | undefined) {
  const seen = { bytes: 0, ended: false }
  stream?.on('data', (part: Buffer) => {
    seen.bytes += part.length
  })
  stream?.on('end', () => {
    seen.ended = true
  })
  return seen
}

describe('copies of a body', () => {
  it('wait for the slowest reader, with bounded memory', async () => {
    const { source, streams, read } = copiesOf(2)
    const fast = bytesRead(streams[0])
    let sent = 0
    while (sent < 1_000 && source.write(chunk)) {
      sent++
      await new Promise(setImmediate)
    }
    assert.ok(sent < 20, 'the source is held back')
    assert.ok((streams[1]?.readableLength ?? 0) <= 3 * chunk.length)
    const slow = bytesRead(streams[1])
    source.end()
    await eventually(() => fast.ended && slow.ended)
    assert.deepEqual([fast.bytes, read.toSorted()], [slow.bytes, [0, 1]])
  })

  it('report a reader that stalls, and continue once it is gone', async () => {
    const { clock, source, streams, stalled } = copiesOf(2)
    const fast = bytesRead(streams[0])
    for (let at = 0; at < 4; at++) source.write(chunk)
    source.end()
    await eventually(() => clock.armed === 1 && fast.bytes === chunk.length)
    await clock.advance(999)
    assert.deepEqual(stalled, [])
    await clock.advance(1)
    assert.deepEqual(stalled, [1])
    streams[1]?.destroy()
    await eventually(() => fast.ended)
    assert.equal(fast.bytes, 4 * chunk.length)
  })

  it('fail together if the body is cut, and drop the rest without readers', async () => {
    const cut = copiesOf(2)
    const errors: string[] = []
    for (const stream of cut.streams) stream.on('error', ({ message }) => errors.push(message)).resume()
    cut.source.write(chunk)
    cut.source.destroy()
    await eventually(() => errors.length === 2)

    const left = copiesOf(1)
    left.streams[0]?.destroy()
    for (let at = 0; at < 50; at++) left.source.write(chunk)
    left.source.end()
    await eventually(() => left.source.readableEnded)
  })
})
