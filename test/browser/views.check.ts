// Every view in both themes and at both widths: nothing goes wrong in it, axe finds nothing, nothing is cut off.
// Pictures of all of them are left in `screenshots`.
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { optionalViewIds, viewIds } from '../../dashboard/src/state/view-address.ts'
import { type Browser, startChromium } from './chromium.ts'
import { chat, type DemoGateway, keepChatting, startDemoGateway } from './demo-gateway.ts'
import { assertNoProblems, axeFindings, openPage, overflow, type Scheme } from './watched-page.ts'

const pictures = fileURLToPath(new URL('screenshots/', import.meta.url))

/** First load, compressed; bytes. */
const maxBytes = 150 * 1024

let gateway: DemoGateway
let browser: Browser
let stopChatting: () => Promise<void>

before(async () => {
  await mkdir(pictures, { recursive: true })
  gateway = await startDemoGateway()
  browser = await startChromium()
  await chat(gateway.url, { model: 'no-such-model' })
  stopChatting = keepChatting(gateway.url)
})

after(async () => {
  await stopChatting?.()
  await browser?.close()
  await gateway?.close()
})

describe('the first load', () => {
  it('is small, paints at once and shifts nothing', async (t) => {
    const watched = await openPage(browser.context, gateway.page)
    const { page } = watched
    let bytes = 0
    const session = await browser.context.newCDPSession(page)
    await session.send('Network.enable')
    session.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength
    })
    await page.addInitScript(() => {
      const shifts: number[] = []
      Reflect.set(window, 'shifts', shifts)
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) shifts.push(Reflect.get(entry, 'value'))
      }).observe({ type: 'layout-shift', buffered: true })
    })
    await watched.show('fleet')
    await page.getByRole('row').getByText('llamacpp').first().waitFor()
    await page.locator('.topbar').getByText('live').waitFor()
    const { paint, shifted } = await page.evaluate(() => ({
      paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
      shifted: Reflect.get(window, 'shifts').reduce((sum: number, shift: number) => sum + shift, 0),
    }))
    t.diagnostic(`first load ${(bytes / 1024).toFixed(1)} KB, first contentful paint ${Math.round(paint)} ms`)
    t.diagnostic(`cumulative layout shift ${shifted.toFixed(4)}`)
    assert.ok(bytes > 0 && bytes < maxBytes, `${bytes} bytes`)
    // What browsers call good; https://web.dev/articles/cls
    assert.ok(shifted < 0.1, `layout shift ${shifted}`)
    assertNoProblems(watched)
    await page.close()
  })
})

const sizes = [
  { width: 360, height: 780 },
  { width: 1920, height: 1080 },
] as const

/** Both themes differ in colours, both widths in elements: the fourth combination would add nothing. */
const isAudited = (scheme: Scheme, { width }: (typeof sizes)[number]) => scheme === 'light' || width > 360

for (const scheme of ['light', 'dark'] satisfies Scheme[]) {
  for (const size of sizes) {
    describe(`${scheme}, ${size.width} pixels wide`, () => {
      it('shows every view without accessibility violations', async (t) => {
        const watched = await openPage(browser.context, gateway.page, size)
        const { page, show } = watched
        await page.emulateMedia({ colorScheme: scheme })
        const found: string[] = []
        for (const view of viewIds.filter((id) => !optionalViewIds.has(id))) {
          await show(view)
          await page.locator('#view h2').first().waitFor()
          if (view === 'traffic') await page.locator('.chart canvas').first().waitFor()
          await check(view)
        }
        for (const [view, link] of [
          ['fleet', 'vllm'],
          ['models', 'llama3.2:3b'],
          ['requests', 'llama3.2:3b'],
        ] as const) {
          await show(view)
          await page.locator('#view').getByRole('link', { name: link, exact: true }).first().click()
          await page.locator('dialog.drawer h3').first().waitFor()
          await check(`${view}-opened`)
          await page.keyboard.press('Escape')
          await page.locator('dialog.drawer').waitFor({ state: 'detached' })
        }
        assert.deepEqual(found, [])
        assertNoProblems(watched)
        await page.close()

        async function check(name: string): Promise<void> {
          if (isAudited(scheme, size)) {
            const findings = await axeFindings(page)
            t.diagnostic(`${name}: ${findings.length} findings of axe`)
            found.push(...findings.map(({ impact, text }) => `${name}: ${impact}: ${text}`))
          }
          const pixels = await overflow(page)
          if (pixels > 0) found.push(`${name}: ${pixels} pixels too wide`)
          await page.screenshot({ path: `${pictures}${name}-${size.width}-${scheme}.png` })
        }
      })
    })
  }
}
