// The view of the queue: who waits, and what an operator can change.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { eventually } from '../support/simulator.ts'
import { drain, startHeld, waits } from '../support/waiting.ts'
import { type Browser, startChromium } from './chromium.ts'
import { assertNoProblems, axeFindings, openPage, overflow } from './watched-page.ts'

let browser: Browser

before(async () => {
  browser = await startChromium()
})

after(async () => {
  await browser?.close()
})

/** A table, or cards on a narrow screen. */
const list = (page: Page) =>
  page.getByLabel('Waiting requests').or(page.getByRole('table', { name: 'Waiting requests' }))

/** The clients of the rows, in their order. */
const clients = async (page: Page): Promise<string[]> => {
  const texts = await list(page).first().innerText()
  return texts.match(/127\.0\.0\.\d+/g) ?? []
}

async function assertAccessible(page: Page): Promise<void> {
  await page.locator('button:disabled').waitFor({ state: 'detached' })
  assert.deepEqual(await axeFindings(page), [])
  assert.ok((await overflow(page)) <= 0)
}

for (const width of [1280, 360]) {
  describe(`at ${width} px, the queue`, () => {
    it('shows who waits and for what, puts a request first, and cancels one', async (t) => {
      const { upstream, gateway, ask } = await startHeld(t, { queue: { max_wait: '60s' } })
      const watched = await openPage(browser.context, `${gateway.url}/internal/ui/`, { width })
      const { page } = watched
      await watched.show('queue')
      await page.getByText('Nothing waits').waitFor()
      await assertAccessible(page)

      const first = ask()
      await eventually(() => upstream.held.length === 1)
      const asked = []
      for (const [at, address] of ['127.0.0.2', '127.0.0.3', '127.0.0.4'].entries()) {
        asked.push(ask('m', address))
        await waits(gateway, at + 1)
      }
      await page.getByText('3 for m').waitFor()
      assert.deepEqual(await clients(page), ['127.0.0.2', '127.0.0.3', '127.0.0.4'])
      const row = (address: string) => page.locator('tr, li.card').filter({ hasText: address })
      const text = await row('127.0.0.3').innerText()
      for (const part of ['2', 'm', 'normal', 'box']) assert.ok(text.includes(part), `${part} in ${text}`)
      await assertAccessible(page)

      await row('127.0.0.4').getByRole('button', { name: 'Move up' }).click()
      await eventually(async () => (await clients(page))[0] === '127.0.0.4')
      const cancelled = row('127.0.0.2')
      await cancelled.getByRole('button', { name: 'Cancel' }).click()
      await cancelled.getByRole('button', { name: 'Really cancel?' }).click()
      await cancelled.waitFor({ state: 'detached' })
      assert.deepEqual(await clients(page), ['127.0.0.4', '127.0.0.3'])
      assert.equal((await asked[0]?.answer)?.status, 499)
      await assertAccessible(page)

      await drain(upstream, 3)
      for (const { answer } of [first, ...asked.slice(1)]) assert.equal((await answer).status, 200)
      await page.getByText('Nothing waits').waitFor()
      assertNoProblems(watched)
      await page.close()
    })
  })
}
