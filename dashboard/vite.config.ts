/**
 * Builds the dashboard into `dashboard/dist`: hashed files with relative addresses, nothing inline. While it is
 * worked on (`npm run dev:dashboard`), all but the page itself comes from a running gateway.
 */
import { defineConfig } from 'vite'

export default defineConfig(({ command }) => ({
  root: import.meta.dirname,
  // The page may be mounted below any prefix.
  base: command === 'serve' ? '/internal/ui/' : './',
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
    // The gateway compresses: what it sends is what counts, and a test looks at that.
    reportCompressedSize: false,
  },
}))
