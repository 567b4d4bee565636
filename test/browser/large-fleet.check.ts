// The fleet with 500 endpoints that have 50 models each: a grid by group, and a table of the rows that are seen; trouble
// comes first.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
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
  let loads = 0
  const names = Array.from({ length: endpointCount }, (_, index) => `gpu-${String(index).padStart(3, '0')}`)
  await page.route('**/internal/status/endpoints', async (route) => {
    const response = await route.fetch()
    const view = await response.json()
    const [first] = view.endpoints
    loads++
    view.endpoints = names.map((name, index) => ({
      ...first,
      id: name,
      name,
      type: index % 5 === 0 ? 'ollama' : 'vllm',
      profile: index % 5 === 0 ? 'ollama' : 'vllm',
      tags: index % 50 === 0 ? [] : [`rack-${index % 7}`],
      status: index % 100 === 99 ? 'offline' : 'healthy',
      // A part of the fleet changes with every load.
      in_flight: (index + loads) % 10 === 0 ? loads % 9 : 0,
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
  await page.locator('.fleet-cell', { hasText: 'gpu-099' }).first().waitFor()
  return watched
}

/** Time of the page's main thread for one sample, with the loads that it causes. */
async function taskMs(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  const taskSeconds = async () => {
    const { metrics } = await session.send('Performance.getMetrics')
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN
  }
  const before = await taskSeconds()
  await page.waitForTimeout(4_000)
  // Samples arrive every two seconds, ages change every second.
  return Math.round((((await taskSeconds()) - before) / 2) * 1_000)
}

/** Cells that change when the fleet is loaded once. */
function drawnCells(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const changed = new Set<Element>()
        const observer = new MutationObserver((records) => {
          for (const { target } of records) {
            const cell = (target instanceof Element ? target : target.parentElement)?.closest('.fleet-cell')
            if (cell) changed.add(cell)
          }
          // The changes of one load come at once.
          if (changed.size > 0) setTimeout(() => resolve(changed.size), 100)
        })
        const options = { subtree: true, childList: true, characterData: true, attributes: true }
        observer.observe(document.querySelector('.fleet-grid') ?? document.body, options)
      }),
  )
}

describe('a fleet of 500 endpoints', () => {
  it('draws the rows that are seen, trouble first', async (t) => {
    const watched = await openLargeFleet()
    const { page } = watched
    await page.getByLabel('Layout').selectOption('table')
    await page.getByRole('link', { name: 'gpu-099', exact: true }).waitFor()
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

    t.diagnostic(`${elements} elements, ${await rows.count()} rows, ${await taskMs(page)} ms per sample`)
    assertNoProblems(watched)
    await page.close()
  })

  it('is a grid by type, tag, state or priority, trouble first', async (t) => {
    const watched = await openLargeFleet()
    const { page } = watched
    const groups = page.locator('.fleet-group')
    const cells = page.locator('.fleet-cell')
    assert.equal(await cells.count(), endpointCount)
    // All in trouble are in the group that comes first, before all others of it.
    assert.match(
      (await groups.first().getByRole('heading').textContent()) ?? '',
      /^vllm 400 endpoints, 5 in trouble/,
    )
    const first = await groups
      .first()
      .locator('.fleet-cell')
      .evaluateAll((all) => all.slice(0, 6).map((cell) => cell.getAttribute('title') ?? ''))
    assert.deepEqual(
      first.map((title) => title.split(',')[0]),
      [
        'gpu-099: offline',
        'gpu-199: offline',
        'gpu-299: offline',
        'gpu-399: offline',
        'gpu-499: offline',
        'gpu-001: healthy',
      ],
    )
    const elements = await page.evaluate(() => document.querySelectorAll('*').length)
    assert.ok(elements < 6_000, `${elements} elements`)
    const drawn = await drawnCells(page)
    t.diagnostic(
      `${elements} elements, ${await taskMs(page)} ms per sample, ${drawn} cells drawn again by a load`,
    )
    // Only the cells whose load differs.
    assert.ok(drawn > 0 && drawn <= 150, `${drawn} cells`)
    assert.deepEqual(await axeFindings(page), [])

    await cells.first().focus()
    await page.keyboard.press('ArrowRight')
    assert.equal(
      await page.evaluate(() => document.activeElement?.getAttribute('title')?.split(':')[0]),
      'gpu-199',
    )
    await page.keyboard.press('End')
    await page.keyboard.press('Home')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'gpu-099' }).waitFor()
    await page.keyboard.press('Escape')

    await page.getByLabel('Layout').selectOption('tag')
    await page.getByRole('heading', { name: /^rack-3/ }).waitFor()
    assert.equal(await groups.count(), 8)
    await page.getByLabel('State').selectOption('trouble')
    await page.waitForFunction(() => document.querySelectorAll('.fleet-cell').length === 5)
    await page.getByLabel('State').selectOption('')
    await page.setViewportSize({ width: 360, height: 800 })
    assert.ok((await overflow(page)) <= 0)
    assert.deepEqual(await axeFindings(page), [])
    assertNoProblems(watched)
    await page.close()
  })

  it('is filtered by state, type and model', async () => {
    const watched = await openLargeFleet()
    const { page } = watched
    await page.getByLabel('Layout').selectOption('table')
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
