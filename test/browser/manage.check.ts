// What the dashboard changes: endpoints with the difference shown first, found endpoints, and a reload.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { type Browser, startChromium } from './chromium.ts'
import { type DemoGateway, startDemoGateway } from './demo-gateway.ts'
import { assertNoProblems, axeFindings, openPage, overflow } from './watched-page.ts'

let gateway: DemoGateway
let browser: Browser
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'olla-found-'))
  await writeFile(
    join(folder, 'found.yaml'),
    '- {url: "http://127.0.0.1:9", name: guest-1}\n- {url: "http://127.0.0.1:10", name: guest-2}\n',
  )
  gateway = await startDemoGateway(
    {},
    {},
    { providers: [{ type: 'file', path: folder, require_approval: true }] },
  )
  browser = await startChromium()
})

after(async () => {
  await browser?.close()
  await gateway?.close()
  await rm(folder, { recursive: true, force: true })
})

async function assertAccessible(page: Page): Promise<void> {
  // A button of a change that is under way has other colours.
  await page.locator('button:disabled').waitFor({ state: 'detached' })
  assert.deepEqual(await axeFindings(page), [])
  assert.ok((await overflow(page)) <= 0)
}

for (const width of [1280, 360]) {
  describe(`at ${width} px, an endpoint`, () => {
    it('is drained, returned, probed and edited, with the difference before it is applied', async () => {
      const watched = await openPage(browser.context, gateway.page, { width, expected: /400/ })
      const { page } = watched
      await watched.show('fleet')
      const link = page.locator('a.name').first()
      const name = (await link.textContent())?.trim() ?? ''
      await link.click()
      const drawer = page.getByRole('dialog')
      await drawer.getByRole('button', { name: 'Drain' }).click()
      await drawer.getByRole('button', { name: 'Return to service' }).waitFor()
      await assertAccessible(page)
      await drawer.getByRole('button', { name: 'Return to service' }).click()
      await drawer.getByRole('button', { name: 'Drain' }).waitFor()
      await drawer.getByRole('button', { name: 'Probe now' }).click()
      await drawer.getByText('was probed').waitFor()
      await drawer.getByRole('button', { name: 'Read models' }).click()
      await drawer.getByText('its models were read').waitFor()

      await drawer.getByRole('button', { name: 'Edit' }).click()
      const form = page.getByRole('dialog', { name: `Edit ${name}` })
      await form.getByLabel('Weight').fill('2000')
      await form.getByRole('button', { name: 'Show what changes' }).click()
      // The gateway's refusal is at its field.
      await form.locator('#endpoint-weight-problem').waitFor()
      assert.equal(await form.getByLabel('Weight').getAttribute('aria-invalid'), 'true')
      await form.getByLabel('Weight').fill(width === 360 ? '3' : '2')
      await form.getByLabel('Tags').fill('lab, night')
      await assertAccessible(page)
      await form.getByRole('button', { name: 'Show what changes' }).click()
      await form.getByRole('heading', { name: 'What changes' }).waitFor()
      const changes = await form.getByRole('list', { name: 'Changes' }).innerText()
      assert.match(changes, /weight/)
      await assertAccessible(page)
      await form.getByRole('button', { name: 'Apply' }).click()
      await form.waitFor({ state: 'detached' })
      const response = await page.request.get(`${gateway.url}/internal/status/endpoints`)
      const { endpoints } = (await response.json()) as {
        endpoints: { name: string; weight: number; tags?: string[] }[]
      }
      const changed = endpoints.find((each) => each.name === name)
      assert.deepEqual([changed?.weight, changed?.tags], [width === 360 ? 3 : 2, ['lab', 'night']])
      assertNoProblems(watched)
      await page.close()
    })

    it('is added and removed from the keyboard', async () => {
      const watched = await openPage(browser.context, gateway.page, { width, expected: /400/ })
      const { page } = watched
      await watched.show('fleet')
      await page.getByRole('button', { name: 'Add endpoint' }).focus()
      await page.keyboard.press('Enter')
      const form = page.getByRole('dialog', { name: 'New endpoint' })
      await form.getByLabel('Name').fill(`new-${width}`)
      await form.getByLabel('Address').fill('not a url')
      await page.keyboard.press('Enter')
      await form.locator('#endpoint-url-problem').waitFor()
      await form.getByLabel('Address').fill('http://127.0.0.1:9')
      await page.keyboard.press('Enter')
      const add = form.getByRole('button', { name: 'Add endpoint' })
      await add.waitFor()
      await add.focus()
      await page.keyboard.press('Enter')
      await form.waitFor({ state: 'detached' })
      await page.getByRole('link', { name: `new-${width}`, exact: true }).click()
      const drawer = page.getByRole('dialog')
      const remove = drawer.getByRole('button', { name: /^Remove/ })
      await remove.click()
      await drawer.getByRole('button', { name: /^Really remove/ }).click()
      await drawer.waitFor({ state: 'detached' })
      assertNoProblems(watched)
      await page.close()
    })
  })
}

describe('found endpoints', () => {
  it('wait for a decision: approved or rejected', async () => {
    const watched = await openPage(browser.context, gateway.page)
    const { page } = watched
    await watched.show('discovery')
    await page.getByRole('button', { name: 'Approve guest-1' }).waitFor()
    await assertAccessible(page)
    await page.getByRole('button', { name: 'Approve guest-1' }).click()
    await page.getByRole('row', { name: /guest-1.*active/s }).waitFor()
    await page.getByRole('button', { name: 'Reject guest-2' }).click()
    await page.getByRole('button', { name: /Really reject/ }).click()
    await page.getByRole('row', { name: /guest-2.*rejected/s }).waitFor()
    await page.setViewportSize({ width: 360, height: 800 })
    await page.getByText('guest-2', { exact: true }).waitFor()
    await assertAccessible(page)
    assertNoProblems(watched)
    await page.close()
  })
})

describe('the configuration', () => {
  it('is compared with the file and reloaded, and a refused file shows its problems', async () => {
    const watched = await openPage(browser.context, gateway.page, { expected: /422/ })
    const { page } = watched
    gateway.configure({ proxy: { load_balancer: 'round-robin', retry_backoff: '10ms' } })
    await watched.show('configuration')
    await page.getByRole('button', { name: 'Compare with the file' }).click()
    await page.getByRole('heading', { name: 'A reload would change' }).waitFor()
    assert.match(await page.getByRole('list', { name: 'Changes' }).innerText(), /load_balancer/)
    await assertAccessible(page)
    await page.getByRole('button', { name: 'Reload', exact: true }).click()
    await page.getByRole('heading', { name: 'Changed' }).waitFor()
    gateway.configure({ proxy: { load_balancer: 'by-luck' } })
    await page.getByRole('button', { name: 'Reload', exact: true }).click()
    const problems = page.getByRole('list', { name: 'Problems of the file' })
    await problems.waitFor()
    assert.match(await problems.innerText(), /load_balancer/)
    await assertAccessible(page)
    await page.setViewportSize({ width: 360, height: 800 })
    await assertAccessible(page)
    assertNoProblems(watched)
    await page.close()
  })
})
