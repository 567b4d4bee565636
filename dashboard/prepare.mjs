// npm runs this after `npm ci` in a clone, so that the first start shows the page. A page that cannot be built (say,
// without development dependencies) must not keep the gateway from being installed: it then says what to run.
import { join } from 'node:path'

try {
  const { build } = await import('vite')
  await build({ configFile: join(import.meta.dirname, 'vite.config.ts'), logLevel: 'warn' })
} catch (error) {
  console.warn(`The dashboard was not built: ${error instanceof Error ? error.message : error}`)
  console.warn('The gateway works without it; `npm run build:dashboard` builds it.')
}
