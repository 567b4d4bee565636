/**
 * Builds the dashboard into `dashboard/dist`: hashed files with relative addresses, nothing inline. While it is
 * worked on (`npm run dev:dashboard`), all but the page itself comes from a running gateway.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

/** A smaller file fits into one packet as it is; bytes. */
const minCompressedBytes = 1400

/** Writes a `.br` and a `.gz` beside each file that is worth it: the gateway sends those. */
const compressedCopies: Plugin = {
  name: 'compressed-copies',
  apply: 'build',
  async writeBundle({ dir = '' }, bundle) {
    const files = Object.values(bundle).map((file) => ({
      path: join(dir, file.fileName),
      bytes: Buffer.from(file.type === 'chunk' ? file.code : file.source),
    }))
    const large = files.filter(({ bytes }) => bytes.length >= minCompressedBytes)
    await Promise.all(
      large.flatMap(({ path, bytes }) => [
        promisify(brotliCompress)(bytes).then((copy) => writeFile(`${path}.br`, copy)),
        promisify(gzip)(bytes, { level: 9 }).then((copy) => writeFile(`${path}.gz`, copy)),
      ]),
    )
  },
}

export default defineConfig(({ command }) => ({
  root: import.meta.dirname,
  // The page may be mounted below any prefix.
  base: command === 'serve' ? '/internal/ui/' : './',
  plugins: [compressedCopies],
  server: {
    proxy: { '^/(?!internal/ui/)': process.env.GATEWAY ?? 'http://localhost:40114' },
  },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // An inlined asset would be a data: address, which the content security policy keeps out.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The copies themselves are what counts, and a test looks at them.
    reportCompressedSize: false,
  },
}))
