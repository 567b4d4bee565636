import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import { describe, it } from 'node:test'
import {
  brotliCompressSync,
  constants,
  createZstdCompress,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import fc from 'fast-check'
import { readCodings } from '../../../src/http/body/content-coding.ts'
import { receiveDecoded } from '../../../src/http/body/receive-body.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'
import { budgetOf } from '../../support/buffer-budget.ts'

const encoders: readonly (readonly [string, (bytes: Uint8Array) => Buffer])[] = [
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
]

function decode(payload: Readable, contentEncoding: string, limitBytes = 1_000_000): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const room = { budget: budgetOf(0), limitBytes }
    receiveDecoded(payload, readCodings(contentEncoding), room, { heldBody: undefined }, (error, body) =>
      error === null ? resolve(body ?? assert.fail()) : reject(error),
    )
  })
}

/** In chunks, as from a socket. */
function pieces(bytes: Buffer, size: number): Readable {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size))
  return Readable.from(parts)
}

const isCode = (code: string) => (error: unknown) => error instanceof GatewayError && error.code === code

const isNode22 = process.version.startsWith('v22.')

describe('content codings', () => {
  it('are decoded, one or several, with any chunk boundaries', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 2000 }),
        fc.array(fc.constantFrom(...encoders), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 500 }),
        async (bytes, applied, size) => {
          let coded = Buffer.from(bytes)
          for (const [, encode] of applied) coded = Buffer.from(encode(coded))
          const header = applied.map(([name], at) => (at % 2 === 0 ? name : name.toUpperCase())).join(' , ')
          assert.deepEqual(await decode(pieces(coded, size), header), Buffer.from(bytes))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('are read ignoring case, without identity and empty elements', () => {
    assert.deepEqual(readCodings('identity'), [])
    assert.deepEqual(readCodings(', GZip ,,Identity, br'), ['gzip', 'br'])
    assert.deepEqual(readCodings(undefined), [])
  })

  it('that are unknown are refused with the known ones named', () => {
    for (const unknown of ['compress', 'gzip;q=1', 'toString', 'gzip, sdch', 'gzip,gzip,gzip,gzip,gzip']) {
      assert.throws(
        () => readCodings(unknown),
        (error) =>
          isCode('unsupported_media_type')(error) &&
          error instanceof GatewayError &&
          error.headers[0] === 'Accept-Encoding',
        unknown,
      )
    }
  })

  it('stop as soon as the output exceeds the limit, and keep the payload alive', async () => {
    for (const [name, encode] of encoders) {
      const payload = new PassThrough()
      const bomb = encode(Buffer.alloc(20_000_000))
      payload.write(bomb.subarray(0, bomb.length - 1))
      await assert.rejects(decode(payload, name, 1_000_000), isCode('payload_too_large'), name)
      assert.equal(payload.destroyed, false)
    }
  })

  it('allow exactly as many bytes as the limit', async () => {
    for (const [name, encode] of encoders) {
      assert.equal((await decode(Readable.from([encode(Buffer.alloc(5000))]), name, 5000)).length, 5000)
    }
  })

  it('that are corrupt or truncated are a client error', async () => {
    for (const [name, encode] of encoders) {
      const coded = encode(randomBytes(3000))
      const cut = decode(Readable.from([coded.subarray(0, 1000)]), name)
      // Node 22 ends the stream where zstd data ends early.
      if (name === 'zstd' && isNode22) await cut
      else await assert.rejects(cut, isCode('invalid_request'), name)
      const garbage = decode(Readable.from([Buffer.from('{"model":"not compressed at all"}')]), name)
      await assert.rejects(garbage, isCode('invalid_request'), name)
    }
  })

  it('refuse a zstd window beyond what HTTP allows', async () => {
    // Without the size of the whole the frame's head says its window (RFC 8878 section 3.1.1.1.2).
    const encoder = createZstdCompress({ params: { [constants.ZSTD_c_windowLog]: 27 } })
    encoder.write(Buffer.alloc(10))
    encoder.end(Buffer.alloc(10))
    await assert.rejects(decode(encoder, 'zstd'), isCode('invalid_request'))
  })

  it('report a payload that fails', async () => {
    const payload = new PassThrough()
    const decoded = decode(payload, 'gzip')
    payload.write(gzipSync('x').subarray(0, 5))
    payload.destroy(new Error('gone'))
    await assert.rejects(decoded, /gone/)
  })
})
