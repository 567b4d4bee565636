import fc from 'fast-check'
import type { ResponseHead } from '../../../src/http/client/own/response-head.ts'
import { ResponseReader } from '../../../src/http/client/own/response-reader.ts'

/** What a reader has reported about one answer. */
export interface ReadAnswer {
  head: ResponseHead | undefined
  body: string
  /** Undefined until the end has come. */
  isClean: boolean | undefined
}

/** A reader that collects; `begin` for each answer. */
export function collectingReader() {
  const told: ReadAnswer = { head: undefined, body: '', isClean: undefined }
  const reader = new ResponseReader({
    head(head) {
      told.head = head
    },
    data(data) {
      told.body += data.toString('latin1')
    },
    end(isClean) {
      told.isClean = isClean
    },
  })
  return { reader, told }
}

/** Reads a text in chunks, through a reused buffer, as a connection does. */
export function readInChunks(reader: ResponseReader, text: string, cuts: readonly number[]): void {
  const shared = Buffer.alloc(65_536)
  let at = 0
  for (const size of [...cuts, text.length]) {
    const piece = text.slice(at, at + size)
    at += piece.length
    if (piece.length === 0) continue
    reader.push(shared, shared.write(piece, 0, 'latin1'))
    shared.fill(0x21)
  }
}

export const anyCuts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 })

/** Any bytes, as Latin-1. */
export const anyBytes = fc
  .uint8Array({ maxLength: 300 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))

/** A chunked body as any server may write it, and the data in it. */
export const anyChunked = fc
  .record({
    chunks: fc.array(
      fc.record({
        data: anyBytes.filter((data) => data.length > 0),
        zeros: fc.integer({ min: 0, max: 5 }),
        isUpper: fc.boolean(),
        extension: fc.constantFrom('', ';a', ';a=1', ';a="b c"', ';a;b=2'),
      }),
      { maxLength: 6 },
    ),
    last: fc.constantFrom('0', '000', '0;a=b'),
    trailer: fc.constantFrom('', 'X-Checksum: 1\r\n', 'A: 1\r\nB: 2\r\n'),
  })
  .map(({ chunks, last, trailer }) => {
    let coded = ''
    for (const { data, zeros, isUpper, extension } of chunks) {
      const size = data.length.toString(16)
      coded += `${'0'.repeat(zeros)}${isUpper ? size.toUpperCase() : size}${extension}\r\n${data}\r\n`
    }
    return { data: chunks.map(({ data }) => data).join(''), coded: `${coded}${last}\r\n${trailer}\r\n` }
  })
