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

/** Decodes pieces as a transport would give them, for a client that pauses after each one of the answer. */
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

describe('an answer that was compressed unasked', () => {
  for (const [coding, encode] of Object.entries(encoders)) {
    it(`is what it was before, however it is cut: ${coding}`, async () => {
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

    it(`has failed where it is cut short: ${coding}`, async () => {
      const coded = encode(Buffer.from('x'.repeat(1000)))
      await assert.rejects(decode(coding, [coded.subarray(0, coded.length - 3)]))
    })
  }

  it('may have no body', async () => {
    assert.equal((await decode('gzip', [])).length, 0)
  })

  it('loses its coding and its length from its head', () => {
    assert.deepEqual(codedAnswer(head('GZIP'), [])?.head.headers, ['Content-Type', 'application/json'])
  })

  it('is left as it is where the client asked for it, or its coding is not known', () => {
    assert.equal(codedAnswer(head('gzip'), ['Accept-Encoding', 'gzip, br']), undefined)
    for (const coding of ['snappy', 'gzip, br', 'identity', ''])
      assert.equal(codedAnswer(head(coding), identity), undefined)
  })
})
