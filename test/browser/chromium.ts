import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'

/** For what a page shows; more than any interval at which it polls. */
const waitMs = Number(process.env.BROWSER_WAIT_MS ?? 60_000)

/** Where distributions put it; `CHROMIUM` comes first. */
const usualPlaces = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

function findChromium(): string {
  const found = [process.env.CHROMIUM, ...usualPlaces].find((path) => path && existsSync(path))
  if (found === undefined) {
    throw new Error(
      'The browser tests need Chromium: `apt-get install chromium`, or set CHROMIUM to its path. `npm test` does without.',
    )
  }
  return found
}

export interface Browser {
  readonly context: BrowserContext
  close(): Promise<void>
}

/** Chromium without a window, with an empty profile, that opens no connections by itself. */
export async function startChromium(): Promise<Browser> {
  const executablePath = findChromium()
  const profile = await mkdtemp(join(tmpdir(), 'olla-browser-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    chromiumSandbox: false,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  // On a busy machine a page takes its time; what never happens still fails.
  context.setDefaultTimeout(waitMs)
  return {
    context,
    async close() {
      await context.close()
      await rm(profile, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
