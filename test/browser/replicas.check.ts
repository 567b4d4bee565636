// Several replicas: all of them together, and one of them through another.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { eventually } from '../support/simulator.ts'
import { type Browser, startChromium } from './chromium.ts'
import { chat, type DemoGateway, startDemoGateway } from './demo-gateway.ts'
import { assertNoProblems, axeFindings, openPage, overflow } from './watched-page.ts'

describe('the dashboard of several replicas', { skip: whyNoRedis ?? false }, async () => {
  const server = whyNoRedis === undefined ? await startRedis() : undefined
  let replicas: DemoGateway[] = []
  let browser: Browser

  before(async () => {
    const redis = server?.url
    replicas = await Promise.all(
      ['one', 'two'].map((replica_id) =>
        startDemoGateway({}, {}, { cluster: { redis, replica_id, timeout: '500ms', heartbeat: '200ms' } }),
      ),
    )
    browser = await startChromium()
  })

  after(async () => {
    await browser?.close()
    for (const replica of replicas) await replica.close()
  })

  it('shows all of them together, and another one through its own', async () => {
    const [one, two] = replicas
    assert.ok(one !== undefined && two !== undefined)
    for (let turn = 0; turn < 3; turn++) await chat(two.url)
    const watched = await openPage(browser.context, one.page)
    const { page } = watched
    await watched.show('replicas')
    await page.getByText('2 replicas,').waitFor()
    await page.getByText('all limits and places are exact').waitFor()
    const rows = page.getByRole('table', { name: 'Replicas', exact: true }).getByRole('row')
    await eventually(async () => (await rows.allInnerTexts()).some((text) => /^two .*\s3\s/s.test(text)))
    await page
      .getByRole('table', { name: 'Endpoints of all replicas' })
      .getByText(/^(?:one|two)$/)
      .first()
      .waitFor()
    assert.deepEqual(await axeFindings(page), [])

    await page.getByRole('link', { name: 'Show replica two' }).click()
    await page.getByText('Shown is replica two').waitFor()
    await page.getByText('polling').first().waitFor()
    await page.getByRole('tab', { name: /^Requests/ }).click()
    await eventually(async () => (await page.getByRole('table').getByRole('link').count()) === 3)
    assert.deepEqual(await axeFindings(page), [])
    await page.getByRole('tab', { name: /^Fleet/ }).click()
    await page.getByRole('link', { name: 'vllm', exact: true }).first().click()
    await page.getByRole('dialog').getByText('Its last requests').waitFor()
    // What is read of another replica cannot be changed.
    assert.equal(await page.getByRole('button', { name: 'Drain' }).count(), 0)
    await page.keyboard.press('Escape')
    await page.setViewportSize({ width: 360, height: 800 })
    assert.ok((await overflow(page)) <= 0)
    await page.getByRole('link', { name: 'Show the replica that serves this page' }).click()
    await page.locator('.topbar').getByText('live').waitFor()
    assert.equal(await page.getByText('Shown is replica').count(), 0)
    assertNoProblems(watched)
    await page.close()
  })
})
