// Views of callers in front of gateways of their own: many keys, a fault, and no keys at all.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { callerViewIds } from '../../dashboard/src/state/view-address.ts'
import { type Browser, startChromium } from './chromium.ts'
import { startDemoGateway } from './demo-gateway.ts'
import { assertNoProblems, axeFindings, openPage } from './watched-page.ts'

let folder: string
let browser: Browser

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'olla-callers-'))
  browser = await startChromium()
})

after(async () => {
  await browser?.close()
  await rm(folder, { recursive: true, force: true })
})

describe('a thousand keys', () => {
  it('are shown a page at a time, with what is used of their limits', async () => {
    const hash = (at: number) => `hmac-sha256:${String(at).padStart(43, 'a')}`
    const keys = Array.from({ length: 1_000 }, (_, at) => ({
      name: `key-${String(at).padStart(4, '0')}`,
      hash: hash(at),
      owner: `owner-${at % 250}`,
      limits: { requests_per_minute: 60, tokens_per_day: { total: 100_000 }, budgets: [{ amount: 5 }] },
    }))
    const owners = Array.from({ length: 250 }, (_, at) => ({
      name: `owner-${at}`,
      limits: { requests_per_minute: 600 },
    }))
    const secret = 'a secret for a thousand keys in a test'
    const many = await startDemoGateway({}, { secret, keys, owners })
    try {
      const watched = await openPage(browser.context, many.page)
      const { page, show } = watched
      const bytes: number[] = []
      page.on('response', async (response) => {
        if (response.url().includes('/internal/admin/'))
          bytes.push((await response.body().catch(() => Buffer.alloc(0))).length)
      })
      for (const [view, first] of [
        ['keys', 'key-0000'],
        ['owners', 'owner-0'],
        ['limits', 'key-0000'],
      ] as const) {
        await show(view)
        await page.getByRole('link', { name: first, exact: true }).waitFor()
        // Only rows in view are drawn.
        const rows = await page.getByRole('table').first().getAttribute('aria-rowcount')
        assert.equal(rows, '101', view)
        await page.getByRole('button', { name: 'Next' }).click()
        await page.getByText('page 2').waitFor()
        await page.getByRole('link', { name: first, exact: true }).waitFor({ state: 'detached' })
      }
      await show('keys')
      await page.getByRole('searchbox', { name: 'Find keys' }).fill('key-0999')
      await page.getByRole('link', { name: 'key-0999', exact: true }).click()
      await page.locator('dialog.drawer').getByRole('table', { name: 'Use of limits' }).waitFor()
      assert.ok(Math.max(...bytes) < 500_000, `an answer has ${Math.max(...bytes)} bytes`)
      assertNoProblems(watched)
      await page.close()
    } finally {
      await many.close()
    }
  })
})

describe('a webhook that does not accept messages', () => {
  it('is shown above every view', async () => {
    const secret = 'a secret of a webhook in a browser test'
    // Nothing listens there.
    const webhooks = [{ url: 'http://127.0.0.1:1/path', secret, events: ['callers.changed'] }]
    const store = join(folder, 'webhooks.db')
    const failing = await startDemoGateway({}, { store, webhooks })
    try {
      const made = await fetch(`${failing.url}/internal/admin/keys`, {
        method: 'POST',
        headers: { 'X-Olla-Gateway': '1', 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'ci' }),
      })
      assert.equal(made.status, 201)
      const watched = await openPage(browser.context, failing.page)
      const { page, show } = watched
      await show('fleet')
      await page.getByText('The webhook http://127.0.0.1:1 does not accept messages').waitFor()
      await page.getByText('1 message waits').waitFor()
      assert.deepEqual(await axeFindings(page), [])
      assertNoProblems(watched)
      await page.close()
    } finally {
      await failing.close()
    }
  })
})

describe('without callers', () => {
  it('there are no such views, and no requests for them', async () => {
    const plain = await startDemoGateway()
    try {
      const watched = await openPage(browser.context, plain.page)
      const { page, show } = watched
      const asked: string[] = []
      page.on('request', (request) => {
        if (request.url().includes('/internal/admin/')) asked.push(request.url())
      })
      await show('fleet')
      await page.locator('.topbar').getByText('live').waitFor()
      await page.locator('#tab-events').waitFor()
      for (const view of callerViewIds) {
        assert.equal(await page.locator(`#tab-${view}`).count(), 0)
        await page.evaluate((hash) => {
          location.hash = hash
        }, `#${view}`)
        await page.locator('#view .empty-title').waitFor()
      }
      assert.deepEqual(asked, [])
      assertNoProblems(watched)
      await page.close()
    } finally {
      await plain.close()
    }
  })
})
