import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, IncomingMessage } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { receiveBody } from '../../../src/http/body/receive-body.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'
import { budgetOf } from '../../support/buffer-budget.ts'

function receive(
  payload: Readable,
  { lengthBytes, limitBytes = 1_000_000 }: { lengthBytes?: number; limitBytes?: number } = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const room = { budget: budgetOf(0), limitBytes }
    receiveBody(payload, lengthBytes, room, { heldBody: undefined }, (error, body) =>
      error === null ? resolve(body ?? assert.fail()) : reject(error),
    )
  })
}

const tooLarge = (error: unknown) => error instanceof GatewayError && error.code === 'payload_too_large'

describe('receiveBody', () => {
  it('returns the received bytes with any chunk boundaries, with and without a length', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 })),
        fc.boolean(),
        async (pieces, hasLength) => {
          const all = Buffer.concat(pieces)
          const payload = Readable.from(pieces.map((piece) => Buffer.from(piece)))
          const body = await receive(payload, hasLength ? { lengthBytes: all.length } : {})
          assert.deepEqual(body, all)
        },
      ),
    )
  })

  it('does not copy a body of one chunk', async () => {
    const piece = Buffer.alloc(40_000, 'x')
    assert.equal(await receive(Readable.from([piece]), { lengthBytes: piece.length }), piece)
    assert.equal(await receive(Readable.from([piece])), piece)
    assert.equal(piece.length, 40_000)
  })

  it('releases the memory of large chunks unless another reader has them', async () => {
    const pieces = () => [Buffer.alloc(40_000, 'x'), Buffer.alloc(40_000, 'y'), Buffer.alloc(4, 'z')]
    const own = pieces()
    const body = await receive(requestOf(own), { lengthBytes: 80_004 })
    assert.equal(body.toString(), `${'x'.repeat(40_000)}${'y'.repeat(40_000)}zzzz`)
    assert.deepEqual(
      own.map(({ length }) => length),
      [0, 0, 4],
    )

    const shared = pieces()
    const payload = requestOf(shared)
    const seen: Buffer[] = []
    payload.on('data', (piece) => seen.push(piece))
    await receive(payload, { lengthBytes: 80_004 })
    assert.equal(Buffer.concat(seen).toString(), body.toString())
  })

  it("frees what Node's server has read", async (t) => {
    const pieces: Buffer[] = []
    let body: Buffer = Buffer.alloc(0)
    const server = createServer(async (request, response) => {
      const push = request.push.bind(request)
      request.push = (piece: Buffer | null) => {
        if (piece !== null) pieces.push(piece)
        return push(piece)
      }
      body = await receive(request, { lengthBytes: 1_000_000 })
      response.end()
    }).listen(0, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const sent = Buffer.alloc(1_000_000, 'abc')
    await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: sent })
    assert.deepEqual(body, sent)
    assert.ok(pieces.length > 5)
    const left = pieces.reduce((sum, { length }) => sum + length, 0)
    assert.ok(left < 200_000, `${left} bytes are held still`)
  })

  it("does not release chunks of a host's own stream", async () => {
    const pieces = [Buffer.alloc(40_000, 'x'), Buffer.alloc(40_000, 'y')]
    await receive(Readable.from(pieces), { lengthBytes: 80_000 })
    assert.equal(Buffer.concat(pieces).toString(), `${'x'.repeat(40_000)}${'y'.repeat(40_000)}`)
  })

  it('does not release memory that a chunk shares', async () => {
    const memory = Buffer.alloc(50_000, 'm')
    await receive(requestOf([memory.subarray(0, 20_000), memory.subarray(20_000, 40_000)]), {
      lengthBytes: 40_000,
    })
    assert.equal(memory.length, 50_000)
  })

  it('refuses a body that is too large, announced or not, and stops reading', async () => {
    await assert.rejects(receive(Readable.from([]), { lengthBytes: 11, limitBytes: 10 }), tooLarge)
    const payload = new PassThrough()
    payload.write(Buffer.alloc(11))
    await assert.rejects(receive(payload, { limitBytes: 10 }), tooLarge)
    assert.equal(payload.listenerCount('data') + payload.listenerCount('end'), 0)
  })

  it('reports its error once', async () => {
    const payload = new PassThrough()
    const received = receive(payload, { lengthBytes: 10 })
    payload.write('half')
    payload.destroy(new Error('gone'))
    await assert.rejects(received, /gone/)
  })
})

/** A request of Node's server with a body in these chunks. */
function requestOf(pieces: readonly Buffer[]): IncomingMessage {
  const request = new IncomingMessage(new Socket())
  for (const piece of pieces) request.push(piece)
  request.push(null)
  return request
}
