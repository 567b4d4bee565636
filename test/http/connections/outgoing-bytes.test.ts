import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { describe, it } from 'node:test'
import {
  maxSharedBytes,
  OutgoingBytes,
  type OutgoingSide,
} from '../../../src/http/connections/outgoing-bytes.ts'

async function withPair(work: (near: Socket, far: Socket) => Promise<void>): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const near = connect(address.port, '127.0.0.1')
  const [[far]] = await Promise.all([accepted, once(near, 'connect')])
  try {
    await work(near, far)
  } finally {
    near.destroy()
    far.destroy()
    server.close()
  }
}

function write(outgoing: OutgoingBytes, side: OutgoingSide, text: string): number {
  const start = outgoing.begin(text.length)
  const end = start + outgoing.memory.write(text, start, 'latin1')
  outgoing.write(side, start, end)
  return start
}

async function received(from: Duplex, bytes: number): Promise<string> {
  let text = ''
  from.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  while (text.length < bytes) await once(from, 'data')
  return text
}

describe('memory of outgoing messages', () => {
  it('is used again for the next message once the system has taken one', async () => {
    await withPair(async (near, far) => {
      const outgoing = new OutgoingBytes()
      const starts = ['one', 'two', 'three'].map((text) => write(outgoing, near, text))
      assert.deepEqual(starts, [0, 0, 0])
      assert.equal(await received(far, 11), 'onetwothree')
    })
  })

  it('is kept while a message waits, however many follow it', async () => {
    await withPair(async (near, far) => {
      const outgoing = new OutgoingBytes()
      near.cork()
      const texts = Array.from({ length: 2_000 }, (_, at) => `message ${String(at).padStart(92, '.')}`)
      for (const text of texts) write(outgoing, near, text)
      near.uncork()
      const whole = texts.join('')
      assert.equal(await received(far, whole.length), whole)
    })
  })

  it('is not shared by a large message', async () => {
    await withPair(async (near, far) => {
      const outgoing = new OutgoingBytes()
      const large = 'x'.repeat(maxSharedBytes + 1)
      const text = received(far, 2 * large.length + 5)
      write(outgoing, near, large)
      write(outgoing, near, 'small')
      write(outgoing, near, large)
      assert.equal(await text, `${large}small${large}`)
    })
  })

  it('is kept for a stream that is no socket and may hold the bytes it has taken', async () => {
    const [near, far] = duplexPair()
    const outgoing = new OutgoingBytes()
    for (const text of ['one', 'two']) {
      write(outgoing, near, text)
    }
    assert.equal(await received(far, 6), 'onetwo')
  })
})
