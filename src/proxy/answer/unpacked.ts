import { brotliDecompressSync, unzipSync, zstdDecompressSync } from 'node:zlib'

/** Maximum size of an error body after it is decompressed. */
const maxUnpackedBytes = 262_144

/**
 * The text of an error body.
 * @param encoding its `Content-Encoding`
 * @returns undefined if it cannot be decompressed, or is too large
 */
export function unpacked(body: Buffer, encoding: string | undefined): string | undefined {
  const options = { maxOutputLength: maxUnpackedBytes }
  try {
    switch (encoding?.toLowerCase()) {
      case undefined:
      case 'identity':
        return body.toString()
      case 'gzip':
      case 'x-gzip':
      case 'deflate':
        return unzipSync(body, options).toString()
      case 'br':
        return brotliDecompressSync(body, options).toString()
      case 'zstd':
        return zstdDecompressSync(body, options).toString()
      default:
        return undefined
    }
  } catch {
    return undefined
  }
}
