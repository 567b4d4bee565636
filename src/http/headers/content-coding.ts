import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'

type Decoder = (body: Buffer, maxBytes: number) => Promise<Buffer>

const decoders: Readonly<Record<string, Decoder>> = {
  gzip: decoder(promisify(gunzip)),
  'x-gzip': decoder(promisify(gunzip)),
  br: decoder(promisify(brotliDecompress)),
  zstd: decoder(promisify(zstdDecompress)),
  // RFC 9110 section 8.4.1.2: some servers send the deflate stream without its zlib wrapper.
  deflate: (body, maxBytes) =>
    ((body[0] ?? 0) & 0x0f) === 8
      ? decoder(promisify(inflate))(body, maxBytes)
      : decoder(promisify(inflateRaw))(body, maxBytes),
}

function decoder(decode: (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>): Decoder {
  return (body, maxBytes) => decode(body, { maxOutputLength: maxBytes })
}

/**
 * Decodes a whole body with any number of codings.
 * @param codings value of `Content-Encoding`
 * @param maxBytes limit for each decoded form
 * @returns undefined if a coding is unknown
 * @throws Error of `node:zlib` if the body does not match its codings or expands beyond `maxBytes`
 */
export async function decodeBody(
  body: Buffer,
  codings: string | undefined,
  maxBytes: number,
): Promise<Buffer | undefined> {
  let decoded = body
  const applied = (codings ?? '').split(',').map((coding) => coding.trim().toLowerCase())
  for (const coding of applied.reverse()) {
    if (coding === '' || coding === 'identity' || decoded.length === 0) continue
    const decode = decoders[coding]
    if (decode === undefined) return undefined
    decoded = await decode(decoded, maxBytes)
  }
  return decoded
}
