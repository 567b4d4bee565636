import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

/** The ways in which a file is kept. */
export type Coding = 'identity' | 'gzip' | 'br'

export interface Asset {
  readonly contentType: string
  /** SHA-256 of the file, without quotes; each coding has a strong tag of its own. */
  readonly hash: string
  /** Its name carries a hash of its content: it never changes. */
  readonly isImmutable: boolean
  readonly bodies: ReadonlyMap<Coding, Buffer>
}

/** The page that stands for every path that is no file. */
export const indexName = 'index.html'

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
}

const brotli = promisify(brotliCompress)
const gzipAsync = promisify(gzip)

/** Compressing what is smaller gains nothing; bytes. */
const minBytes = 256
const compressible = /\.(?:css|html|ico|js|json|map|svg|txt|webmanifest)$/

/**
 * Reads a built page whole: it is small, and a table of names cannot be led out of its folder.
 * @returns assets by path below the folder, with `/`; undefined where there is no `index.html`
 */
export async function loadAssets(folder: string): Promise<ReadonlyMap<string, Asset> | undefined> {
  let entries: string[]
  try {
    const found = await readdir(folder, { recursive: true, withFileTypes: true })
    entries = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  } catch {
    return undefined
  }
  const loaded = await Promise.all(
    entries.map(async (file) => {
      const name = relative(folder, file).split(sep).join('/')
      return [name, await toAsset(name, await readFile(file))] as const
    }),
  )
  const assets = new Map(loaded)
  return assets.has(indexName) ? assets : undefined
}

async function toAsset(name: string, bytes: Buffer): Promise<Asset> {
  const bodies = new Map<Coding, Buffer>([['identity', bytes]])
  if (bytes.length >= minBytes && compressible.test(name)) {
    // Level 9 of 11: within 3 % of the size for a tenth of the time.
    const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
    const [small, smaller] = await Promise.all([gzipAsync(bytes, { level: 9 }), brotli(bytes, { params })])
    bodies.set('gzip', small).set('br', smaller)
  }
  return {
    contentType: contentTypes[extname(name)] ?? 'application/octet-stream',
    hash: createHash('sha256').update(bytes).digest('base64url'),
    isImmutable: /^assets\/.+[.-][\w-]{8,}\.\w+$/.test(name),
    bodies,
  }
}

/** The smallest form that an `Accept-Encoding` allows. */
export function chooseCoding(asset: Asset, acceptEncoding: string | undefined): Coding {
  const accepted = new Set<string>()
  for (const part of (acceptEncoding ?? '').slice(0, 1024).split(',')) {
    const [coding = '', ...parameters] = part.split(';')
    const isRefused = parameters.some((parameter) => /^\s*q\s*=\s*0(?:\.0*)?\s*$/i.test(parameter))
    if (!isRefused) accepted.add(coding.trim().toLowerCase())
  }
  if (accepted.has('br') && asset.bodies.has('br')) return 'br'
  return accepted.has('gzip') && asset.bodies.has('gzip') ? 'gzip' : 'identity'
}

/** A strong tag: byte for byte the same, so one for each coding (RFC 9110 section 8.8.1). */
export function strongTag(asset: Asset, coding: Coding): string {
  return coding === 'identity' ? `"${asset.hash}"` : `"${asset.hash}-${coding}"`
}
