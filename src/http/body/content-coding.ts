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

/** Value of `Accept-Encoding` in a 415 response (RFC 9110 section 15.5.16). */
export const acceptedCodings = 'gzip, deflate, br, zstd'

/** Maximum codings of one body. Clients apply one, perhaps two; each allocates a decoder. */
const maxCodings = 4
const chunkSize = 65_536

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip({ chunkSize }),
  'x-gzip': () => createGunzip({ chunkSize }),
  deflate: () => new EitherInflate(),
  br: () => createBrotliDecompress({ chunkSize }),
  // HTTP allows a window of at most 8 MB (RFC 9659 section 3). Without this bound, clients could make the gateway
  // allocate more.
  zstd: () => createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: 23 } }),
}

/**
 * Lists the codings of a body in the order in which the sender applied them, without `identity`.
 * @throws GatewayError unsupported_media_type if a coding is unknown
 */
export function readCodings(contentEncoding: string | undefined): readonly string[] {
  if (contentEncoding === undefined) return noCodings
  const codings: string[] = []
  for (const part of contentEncoding.split(',')) {
    const name = part.trim().toLowerCase()
    if (name === '' || name === 'identity') continue
    if (!Object.hasOwn(decoders, name) || codings.length === maxCodings) {
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

/** A body that is being decoded. */
export interface DecodedBody {
  /** The body with all codings removed; fails with `invalid_request` if the data is corrupt. */
  readonly stream: Readable
  /** Stops decoding without destroying the payload, so that the gateway can still send a response. */
  stop(): void
}

/** Decodes a body that has at least one coding. */
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

/**
 * Converts a decoder's error to `invalid_request`, because the client sent corrupt data; returns other errors
 * unchanged.
 */
export function toCodingError(error: Error): Error {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  // `Z_DATA_ERROR`, Brotli's `ERR__ERROR_FORMAT_…`, `ZSTD_error_…`
  if (!/^(?:Z_|ERR_?_ERROR_|ERR_BROTLI|ERR_ZSTD|ZSTD_error_)/.test(code)) return error
  return new GatewayError('invalid_request', 'The body is not valid in its content encoding.', {
    cause: error,
  })
}

/**
 * Decodes `deflate`, which is the zlib format (RFC 9110 section 8.4.1.2). Some clients send raw deflate data instead;
 * the first two bytes distinguish the formats (RFC 1950 section 2.2).
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
