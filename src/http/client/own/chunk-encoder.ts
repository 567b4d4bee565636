import { Transform } from 'node:stream'

const lineEnd = Buffer.from('\r\n')
const lastChunk = Buffer.from('0\r\n\r\n')

/** Encodes a body of unknown length in the chunked coding (RFC 9112 section 7.1). */
export class ChunkEncoder extends Transform {
  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (chunk.length > 0) {
      this.push(`${chunk.length.toString(16)}\r\n`, 'latin1')
      this.push(chunk)
      this.push(lineEnd)
    }
    done()
  }

  override _flush(done: () => void): void {
    this.push(lastChunk)
    done()
  }
}
