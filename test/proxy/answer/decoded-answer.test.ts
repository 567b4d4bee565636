import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { AnswerDecoder, codedAnswer } from '../../../src/proxy/answer/decoded-answer.ts'

const encoders = {
  gzip: gzipSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
  deflate: (body: Buffer) => (body.length % 2 === 0 ? deflateSync(body) : deflateRawSync(body)),
}
const head = (coding: string) => ({
  statusCode: 200,
  headers: ['Content-Type', 'application/json', 'Content-Encoding', coding, 'Content-Length', '9'],
})
const identity = ['Accept-Encoding', 'identity']

/** Decodes chunks as a transport delivers them, for a client that pauses after each chunk. */
function decode(coding: string, pieces: readonly Buffer[]): Promise<Buffer> {
  const coded = codedAnswer(head(coding), identity)
  assert.ok(coded)
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    const left = [...pieces]
    const decoder = new AnswerDecoder(coded.makeDecoder, {
      data(chunk) {
        parts.push(chunk)
        setImmediate(() => decoder.resume())
        return false
      },
      complete: () => resolve(Buffer.concat(parts)),
      failed: reject,
      drained: send,
    })
    send()

    function send(): void {
      for (let piece = left.shift(); piece !== undefined; piece = left.shift()) {
        if (!decoder.push(piece)) return
      }
      decoder.end()
    }
  })
}

describe('an answer that was compressed although the client did not accept it', () => {
  for (const [coding, encode] of Object.entries(encoders)) {
    it(`is decoded, for any chunking: ${coding}`, async () => {
      const bodies = fc.array(fc.constantFrom('a', 'bc', ' '.repeat(40_000), 'é'), { maxLength: 12 })
      await fc.assert(
        fc.asyncProperty(bodies, fc.array(fc.nat(200), { maxLength: 5 }), async (parts, cuts) => {
          const body = Buffer.from(parts.join(''))
          const coded = encode(body)
          const offsets = [0, ...cuts.map((cut) => cut % coded.length).sort((a, b) => a - b), coded.length]
          const pieces = offsets.slice(1).map((end, at) => coded.subarray(offsets[at], end))
          assert.ok((await decode(coding, pieces)).equals(body))
        }),
        { numRuns: 30 },
      )
    })

    it(`fails if it is truncated: ${coding}`, async () => {
      const coded = encode(Buffer.from('x'.repeat(1000)))
      await assert.rejects(decode(coding, [coded.subarray(0, coded.length - 3)]))
    })
  }

  it('may have no body', async () => {
    assert.equal((await decode('gzip', [])).length, 0)
  })

  it('loses Content-Encoding and Content-Length', () => {
    assert.deepEqual(codedAnswer(head('GZIP'), [])?.head.headers, ['Content-Type', 'application/json'])
  })

  it('is left unchanged if the client accepts the coding or the coding is unknown', () => {
    assert.equal(codedAnswer(head('gzip'), ['Accept-Encoding', 'gzip, br']), undefined)
    for (const coding of ['snappy', 'gzip, br', 'identity', ''])
      assert.equal(codedAnswer(head(coding), identity), undefined)
  })
})
