// The fleet with 500 endpoints that have 50 models each: drawn are the rows that are seen, those in trouble first.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Browser, startChromium } from './chromium.ts'
import { type DemoGateway, startDemoGateway } from './demo-gateway.ts'
import { assertNoProblems, axeFindings, openPage, overflow } from './watched-page.ts'

const endpointCount = 500
const modelCount = 50
const maxRows = 80

let gateway: DemoGateway
let browser: Browser

before(async () => {
  gateway = await startDemoGateway()
  browser = await startChromium()
})

after(async () => {
  await browser?.close()
  await gateway?.close()
})

/** The demo's page with answers as of a large fleet. */
async function openLargeFleet() {
  const watched = await openPage(browser.context, gateway.page)
  const { page } = watched
  const names = Array.from({ length: endpointCount }, (_, index) => `gpu-${String(index).padStart(3, '0')}`)
  await page.route('**/internal/status/endpoints', async (route) => {
    const response = await route.fetch()
    const view = await response.json()
    const [first] = view.endpoints
    view.endpoints = names.map((name, index) => ({
      ...first,
      id: name,
      name,
      type: index % 5 === 0 ? 'ollama' : 'vllm',
      status: index % 100 === 99 ? 'offline' : 'healthy',
      request_count: index,
    }))
    view.total_count = endpointCount
    await route.fulfill({ response, json: view })
  })
  await page.route('**/internal/status/models*', async (route) => {
    const response = await route.fetch()
    const view = await response.json()
    const [item] = view.model_groups[0].models
    const models = Array.from({ length: modelCount }, (_, index) => ({
      ...item,
      name: `model-${index}`,
      endpoints: names,
      loaded_endpoints: index < 3 ? names : [],
    }))
    view.model_groups = [{ ...view.model_groups[0], models }]
    await route.fulfill({ response, json: view })
  })
  await watched.show('fleet')
  await page.getByRole('link', { name: 'gpu-099', exact: true }).waitFor()
  return watched
}

describe('a fleet of 500 endpoints', () => {
  it('draws the rows that are seen, trouble first', async (t) => {
    const watched = await openLargeFleet()
    const { page } = watched
    const rows = page.locator('.table tbody tr')
    const links = page.locator('.table tbody a.name')
    const shown = await links.allTextContents()
    assert.deepEqual(
      shown.slice(0, 6).map((name) => name.trim()),
      ['gpu-099', 'gpu-199', 'gpu-299', 'gpu-399', 'gpu-499', 'gpu-000'],
    )
    assert.ok((await rows.count()) <= maxRows, `${await rows.count()} rows`)
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight))
    await page.getByRole('link', { name: 'gpu-498', exact: true }).waitFor()
    assert.ok((await rows.count()) <= maxRows, `${await rows.count()} rows`)
    const elements = await page.evaluate(() => document.querySelectorAll('*').length)
    assert.ok(elements < 6_000, `${elements} elements`)

    const session = await page.context().newCDPSession(page)
    await session.send('Performance.enable')
    const taskSeconds = async () => {
      const { metrics } = await session.send('Performance.getMetrics')
      return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN
    }
    const before = await taskSeconds()
    await page.waitForTimeout(8_000)
    // Samples arrive every two seconds, ages change every second.
    const perSample = ((await taskSeconds()) - before) / 4
    t.diagnostic(
      `${elements} elements, ${await rows.count()} rows, ${Math.round(perSample * 1_000)} ms per sample`,
    )
    assertNoProblems(watched)
    await page.close()
  })

  it('is filtered by state, type and model', async () => {
    const watched = await openLargeFleet()
    const { page } = watched
    const links = page.locator('.table tbody a.name')
    await page.getByLabel('State').selectOption('trouble')
    await page.waitForFunction(() => document.querySelectorAll('.table tbody a.name').length === 5)
    assert.ok((await overflow(page)) <= 0)
    assert.deepEqual(
      (await axeFindings(page)).filter(({ impact }) => impact === 'serious' || impact === 'critical'),
      [],
    )
    await page.getByLabel('Type').selectOption('ollama')
    await page.getByText('No endpoint matches').waitFor()
    await page.getByLabel('State').selectOption('')
    await page.getByLabel('Find endpoints and models').fill('model-49')
    await links.first().waitFor()
    assert.equal((await links.first().textContent())?.trim(), 'gpu-000')
    await page.getByLabel('Find endpoints and models').fill('model-50')
    await page.getByText('No endpoint matches').waitFor()
    assertNoProblems(watched)
    await page.close()
  })
})
