import { type Readable, Transform, type TransformCallback } from 'node:stream'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  type Inflate,
  type InflateRaw,
} from 'node:zlib'
import { GatewayError } from '../../kernel/errors.ts'

/** For `Accept-Encoding` beside a 415 (RFC 9110 section 15.5.16). */
export const acceptedCodings = 'gzip, deflate, br, zstd'

/** A client applies one coding, perhaps two; each costs a decoder. */
const mostCodings = 4
const chunkSize = 65_536

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip({ chunkSize }),
  'x-gzip': () => createGunzip({ chunkSize }),
  deflate: () => new EitherInflate(),
  br: () => createBrotliDecompress({ chunkSize }),
  // A window of 8 MB is all that HTTP allows (RFC 9659 section 3); larger ones are memory for the asking.
  zstd: () => createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: 23 } }),
}

/**
 * The codings of a body in the order in which they were applied, without `identity`.
 * @throws GatewayError unsupported_media_type where one is not known
 */
export function readCodings(contentEncoding: string | undefined): readonly string[] {
  if (contentEncoding === undefined) return noCodings
  const codings: string[] = []
  for (const part of contentEncoding.split(',')) {
    const name = part.trim().toLowerCase()
    if (name === '' || name === 'identity') continue
    if (!Object.hasOwn(decoders, name) || codings.length === mostCodings) {
      throw new GatewayError(
        'unsupported_media_type',
        `The content encoding is not supported; supported are ${acceptedCodings}.`,
        { headers: ['Accept-Encoding', acceptedCodings] },
      )
    }
    codings.push(name)
  }
  return codings
}

const noCodings: readonly string[] = []

/** A body on its way through its decoders. */
export interface DecodedBody {
  /** What is left when all codings are undone; fails with `invalid_request` where the data is corrupt. */
  readonly stream: Readable
  /** Ends the decoding; the payload itself stays as it is, so that the client can still be answered. */
  stop(): void
}

/** Undoes the codings of a body, of which there is at least one. */
export function decodeBody(payload: Readable, codings: readonly string[]): DecodedBody {
  const chain: Transform[] = []
  let stream: Readable = payload
  for (const coding of codings.toReversed()) {
    const decoder = decoders[coding]?.()
    if (decoder === undefined) continue
    stream.on('error', (error) => decoder.destroy(error))
    stream = stream.pipe(decoder)
    chain.push(decoder)
  }
  return {
    stream,
    stop() {
      payload.unpipe()
      for (const decoder of chain) decoder.on('error', ignore).destroy()
    },
  }
}

function ignore(): void {}

/** An error of a decoder as the client's mistake that it is; every other error as it came. */
export function toCodingError(error: Error): Error {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  // `Z_DATA_ERROR`, `ERR__ERROR_FORMAT_…` of Brotli, `ZSTD_error_…`
  if (!/^(?:Z_|ERR_?_ERROR_|ERR_BROTLI|ERR_ZSTD|ZSTD_error_)/.test(code)) return error
  return new GatewayError('invalid_request', 'The body is not valid in its content encoding.', {
    cause: error,
  })
}

/**
 * `deflate` is zlib's format (RFC 9110 section 8.4.1.2), but some clients send the bare deflate data; the first
 * two bytes tell which it is (RFC 1950 section 2.2).
 */
class EitherInflate extends Transform {
  #inner: Inflate | InflateRaw | undefined

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#inner ??= this.#begin(chunk)
    this.#inner.write(chunk, (error) => done(error))
  }

  override _flush(done: TransformCallback): void {
    if (this.#inner === undefined) {
      done()
      return
    }
    this.#inner.once('end', () => done())
    this.#inner.end()
  }

  override _read(size: number): void {
    this.#inner?.resume()
    super._read(size)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#inner?.destroy()
    done(error)
  }

  #begin(chunk: Buffer): Inflate | InflateRaw {
    const [first = 0, second] = chunk
    const isZlib =
      (first & 0x0f) === 8 && first >> 4 <= 7 && (second === undefined || ((first << 8) | second) % 31 === 0)
    const inner = isZlib ? createInflate({ chunkSize }) : createInflateRaw({ chunkSize })
    inner.on('data', (decoded: Buffer) => {
      if (!this.push(decoded)) inner.pause()
    })
    inner.on('error', (error) => this.destroy(error))
    return inner
  }
}
