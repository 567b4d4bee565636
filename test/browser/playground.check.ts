// The playground of a gateway whose clients need API keys.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { playgroundApis } from '../../dashboard/src/api/dialects.ts'
import { type Browser, startChromium } from './chromium.ts'
import { type DemoGateway, startDemoGateway } from './demo-gateway.ts'
import { assertNoProblems, openPage } from './watched-page.ts'

let folder: string
let gateway: DemoGateway
let browser: Browser

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'olla-playground-'))
  gateway = await startDemoGateway({}, { store: join(folder, 'callers.db') })
  browser = await startChromium()
})

after(async () => {
  await browser?.close()
  await gateway?.close()
  await rm(folder, { recursive: true, force: true })
})

describe('the playground', () => {
  it('sends the key that it asks for, to every API, and keeps it for the tab only', async () => {
    const made = await fetch(`${gateway.url}/internal/admin/keys`, {
      method: 'POST',
      body: JSON.stringify({ name: 'player' }),
      headers: { 'X-Olla-Gateway': '1', 'content-type': 'application/json' },
    })
    const { key } = (await made.json()) as { key: string }
    const watched = await openPage(browser.context, gateway.page, { expected: /v1\/chat/ })
    const { page, show } = watched
    await show('playground')
    const ask = async (text: string) => {
      await page.getByLabel('Message', { exact: true }).fill(text)
      await page.getByRole('button', { name: 'Send' }).click()
      await page.getByRole('button', { name: 'Send' }).waitFor()
    }
    await ask('without a key')
    await page.locator('.turn .bad').waitFor()
    await page.getByRole('button', { name: 'New conversation' }).click()
    await page.getByLabel('API key').fill(key)
    await page.getByLabel('Max tokens').fill('4')
    const apis = page.getByLabel('API', { exact: true })
    for (const [at, { id }] of playgroundApis.entries()) {
      await apis.selectOption(id)
      await ask('hello')
      await page.locator('.turn').nth(at).locator('.answer-text').getByText(/\w/).waitFor()
    }
    assert.equal(await page.locator('.turn .bad').count(), 0)
    const kept = await page.evaluate(() => [
      sessionStorage.getItem('playground-key'),
      JSON.stringify(localStorage),
    ])
    assert.equal(kept[0], key)
    assert.ok(!kept[1]?.includes(key))
    assertNoProblems(watched)
    await page.close()
  })
})
