// The views of API keys, teams and use: what an operator does with them, in both themes and at both widths.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import type { Limits, Policy } from '../../dashboard/src/api/types.ts'
import { callerViewIds } from '../../dashboard/src/state/view-address.ts'
import { eventually } from '../support/simulator.ts'
import { type Browser, startChromium } from './chromium.ts'
import { chat, type DemoGateway, startDemoGateway } from './demo-gateway.ts'
import { assertNoProblems, axeFindings, openPage, overflow } from './watched-page.ts'

const pictures = fileURLToPath(new URL('screenshots/', import.meta.url))

let folder: string
let gateway: DemoGateway
let browser: Browser

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'olla-callers-'))
  gateway = await startDemoGateway({}, { store: join(folder, 'callers.db') })
  browser = await startChromium()
})

after(async () => {
  await browser?.close()
  await gateway?.close()
  await rm(folder, { recursive: true, force: true })
})

async function admin(path: string, body?: object, method = 'POST'): Promise<Record<string, unknown>> {
  const answer = await fetch(`${gateway.url}/internal/admin/${path}`, {
    ...(body === undefined ? {} : { method, body: JSON.stringify(body) }),
    ...(method === 'DELETE' ? { method } : {}),
    headers: { 'X-Olla-Gateway': '1', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
  })
  assert.ok(answer.ok, `${path}: ${answer.status}`)
  return (await answer.json()) as Record<string, unknown>
}

const drawer = (page: Page) => page.locator('dialog.drawer')

describe('keys', () => {
  it('are created, shown once, disabled, rotated and revoked', async () => {
    const watched = await openPage(browser.context, gateway.page)
    const { page, show } = watched
    await show('teams')
    await page.getByRole('button', { name: 'New team' }).click()
    await drawer(page).getByLabel('Name').fill('ml')
    await drawer(page).getByRole('button', { name: 'Create team' }).click()
    await page.getByRole('link', { name: 'ml', exact: true }).waitFor()

    await show('keys')
    await page.getByText('No keys yet').waitFor()
    await page.getByRole('button', { name: 'New key' }).click()
    await drawer(page).getByLabel('Name').fill('ci')
    await drawer(page).getByLabel('Owner').fill('ann')
    await drawer(page).getByLabel('Team').fill('ml')
    await drawer(page).getByLabel('Models', { exact: true }).fill('llama*')
    await drawer(page).getByLabel('Tokens per day', { exact: true }).fill('1000')
    await drawer(page).getByRole('button', { name: 'Create key' }).click()
    const first = await drawer(page).getByLabel('API key').inputValue()
    assert.match(first, /^sk-/)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await drawer(page).getByRole('button', { name: 'Copy' }).click()
    await drawer(page).getByText('Copied').waitFor()
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), first)
    assert.match(await chat(gateway.url, { key: first }), /\[DONE\]/)
    await drawer(page).getByRole('button', { name: 'Close' }).click()
    await drawer(page).waitFor({ state: 'detached' })
    assert.ok(!(await page.content()).includes(first), 'the page still holds the key')

    await page.getByText('Tokens: 1k per day').waitFor()
    await page.getByText('Models: llama*').waitFor()
    await page.getByRole('link', { name: 'ci', exact: true }).click()
    await drawer(page).getByRole('button', { name: 'Disable' }).click()
    await drawer(page).getByText('disabled').waitFor()
    assert.match(await chat(gateway.url, { key: first }), /invalid_api_key/)
    await drawer(page).getByRole('button', { name: 'Enable' }).click()
    await drawer(page).getByRole('button', { name: 'Disable' }).waitFor()

    await drawer(page).getByLabel('The secret before').selectOption('0')
    await drawer(page).getByRole('button', { name: 'Rotate' }).click()
    const second = await drawer(page).getByLabel('API key').inputValue()
    assert.notEqual(second, first)
    assert.match(await chat(gateway.url, { key: first }), /invalid_api_key/)
    assert.match(await chat(gateway.url, { key: second }), /\[DONE\]/)
    await drawer(page).getByRole('button', { name: 'Close' }).click()
    // Back at the key that was rotated.
    await drawer(page).getByRole('button', { name: 'Revoke' }).click()
    await drawer(page).getByRole('button', { name: 'Revoke for ever?' }).click()
    await page.getByText('No keys yet').waitFor()
    assert.match(await chat(gateway.url, { key: second }), /invalid_api_key/)
    assertNoProblems(watched)
    await page.close()
  })

  it('are edited: limits, budgets and policies, of keys, teams and owners', async () => {
    await admin('keys', { name: 'edited', owner: 'eve', policy: { caps: { max_tokens: 9 } } })
    const watched = await openPage(browser.context, gateway.page, { expected: /admin\/keys/ })
    const { page, show } = watched
    await show('keys')
    await page.getByRole('link', { name: 'edited', exact: true }).click()
    await drawer(page).getByRole('button', { name: 'Edit', exact: true }).click()
    const field = (label: string) => drawer(page).getByLabel(label, { exact: true })
    assert.equal(await field('Owner').inputValue(), 'eve')
    await field('Requests at a time').fill('3')
    await field('Completion tokens per day').fill('5000')
    await drawer(page).getByRole('button', { name: 'Add a budget' }).click()
    await field('Budget 1: amount').fill('12.5')
    await field('Budget 1: period').selectOption('week')
    await drawer(page).getByText('What it may use').click()
    await field('Networks').fill('everywhere')
    await drawer(page).getByRole('button', { name: 'Save' }).click()
    await drawer(page).getByRole('alert').getByText('everywhere').waitFor()
    await field('Networks').fill('10.0.0.0/8')
    await drawer(page).getByRole('button', { name: 'Save' }).click()
    await drawer(page).getByText('12.50 per week').waitFor()
    const { limits, policy } = await admin('keys/edited')
    const { max_concurrent, tokens_per_day, budgets } = limits as Limits
    assert.deepEqual([max_concurrent, tokens_per_day.completion], [3, 5000])
    assert.deepEqual(budgets, [
      { amount: 12.5, unit: 'money', period: 'week', window: 'calendar', soft: 0.8 },
    ])
    const { caps, networks } = policy as Policy
    assert.deepEqual([caps, networks], [{ max_tokens: 9 }, ['10.0.0.0/8']])
    await page.keyboard.press('Escape')

    await show('owners')
    await page.getByText('No owners yet').waitFor()
    await page.getByRole('button', { name: 'New owner' }).click()
    await field('Name').fill('eve')
    await field('Requests per minute').fill('10')
    await drawer(page).getByRole('button', { name: 'Create owner' }).click()
    await page.getByRole('link', { name: 'eve', exact: true }).click()
    await drawer(page).getByRole('button', { name: 'Edit', exact: true }).click()
    await field('Requests per minute').fill('20')
    await drawer(page).getByRole('button', { name: 'Save' }).click()
    await drawer(page).getByText('20 per minute').waitFor()
    const { limits: ofOwner } = await admin('owners/eve')
    assert.equal((ofOwner as Limits).requests_per_minute, 20)
    await drawer(page).getByRole('button', { name: 'Its keys' }).click()
    await page.getByRole('link', { name: 'edited', exact: true }).waitFor()
    await admin('keys/edited', undefined, 'DELETE')
    assertNoProblems(watched)
    await page.close()
  })

  it('show why one cannot be created', async () => {
    const watched = await openPage(browser.context, gateway.page, { expected: /admin\/keys/ })
    const { page, show } = watched
    await show('keys')
    await page.getByRole('button', { name: 'New key' }).click()
    await drawer(page).getByLabel('Name').fill('stray')
    await drawer(page).getByLabel('Team').fill('no-such-team')
    await drawer(page).getByRole('button', { name: 'Create key' }).click()
    await drawer(page).getByRole('alert').getByText('no-such-team').waitFor()
    assert.equal(await drawer(page).getByLabel('Name').inputValue(), 'stray')
    assertNoProblems(watched)
    await page.close()
  })

  it('are listed a page at a time, and filtered', async () => {
    const names = Array.from({ length: 101 }, (_, index) => `page-${String(index).padStart(3, '0')}`)
    for (const name of names) await admin('keys', { name, owner: name === 'page-100' ? 'zoe' : 'ann' })
    const watched = await openPage(browser.context, gateway.page, { polls: false })
    const { page, show } = watched
    await show('keys')
    await page.getByRole('searchbox', { name: 'Find keys' }).fill('page-')
    // Only rows in view are drawn.
    await page.locator('table[aria-rowcount="101"]').waitFor()
    await page.getByRole('link', { name: 'page-000' }).waitFor()
    // A change elsewhere shows without a poll.
    await admin('keys/page-000', { enabled: false }, 'PATCH')
    await page.locator('td .mark.bad').waitFor()
    assert.equal(await page.getByRole('link', { name: 'page-100' }).count(), 0)
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByRole('link', { name: 'page-100' }).waitFor()
    await page.getByRole('button', { name: 'Previous' }).click()
    await page.getByRole('link', { name: 'page-000' }).waitFor()
    await page.getByRole('searchbox', { name: 'Owner' }).fill('zoe')
    await page.getByRole('link', { name: 'page-000' }).waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'page-100' }).waitFor()
    assertNoProblems(watched)
    await page.close()
  })
})

describe('every view of callers', () => {
  before(async () => {
    // No window ends while the tests run, however long they take. A limit counts what is used after it was set.
    const limits = { requests_per_minute: 60, tokens_per_day: { completion: 33 } }
    const { key } = await admin('keys', { name: 'busy', owner: 'ann', team: 'ml', limits })
    for (let count = 0; count < 3; count++) await chat(gateway.url, { key: String(key) })
    await chat(gateway.url, { key: String(key), model: 'mistral-small' })
    await eventually(async () => {
      const { total } = await admin('usage?key=busy')
      return (total as { requests: number }).requests === 4
    })
    // Models have no price here: a budget in money would have refused them.
    await admin('keys/busy', { limits: { ...limits, budgets: [{ amount: 5 }] } }, 'PATCH')
    await admin('owners', { name: 'ann', limits: { requests_per_minute: 600 } })
  })

  it('shows which callers are near a limit or were refused by one', async () => {
    const { key } = await admin('keys', { name: 'greedy', limits: { tokens_per_day: { completion: 16 } } })
    await chat(gateway.url, { key: String(key) })
    await chat(gateway.url, { key: String(key) })
    assert.match(await chat(gateway.url, { key: String(key) }), /rate_limit_exceeded/)
    const watched = await openPage(browser.context, gateway.page)
    const { page, show } = watched
    await show('limits')
    await page.getByLabel('Show', { exact: true }).selectOption('refused')
    const table = page.getByRole('table', { name: 'Use of limits' })
    await table.getByRole('listitem').getByText('16 of 16 completion tokens per day').waitFor()
    await table.getByRole('link', { name: 'busy' }).waitFor({ state: 'detached' })
    assert.equal(await table.getByRole('link').count(), 1)
    await page.getByLabel('Show', { exact: true }).selectOption('near')
    await table.getByText('near its limit').first().waitFor()
    const [csv] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'CSV' }).click(),
    ])
    assert.equal(csv.suggestedFilename(), 'limits.csv')
    await table.getByRole('link', { name: 'greedy' }).click()
    await drawer(page).getByRole('rowheader', { name: '16 of 16 completion tokens per day' }).waitFor()
    assertNoProblems(watched)
    await page.close()
  })

  it('shows use over time, by group and of one, and exports it', async () => {
    const watched = await openPage(browser.context, gateway.page)
    const { page, show } = watched
    await show('usage')
    await page.locator('.chart canvas').nth(4).waitFor()
    await page.getByRole('heading', { name: 'Tokens by key' }).waitFor()
    await page.getByLabel('Chart of groups').selectOption('requests')
    await page.getByRole('heading', { name: 'Requests by key' }).waitFor()
    await page.locator('.legend-item').getByText('busy').waitFor()
    const table = page.getByRole('table', { name: 'Use by key' })
    await table.getByRole('button', { name: 'busy' }).click()
    await page.getByRole('button', { name: 'Key: busy' }).waitFor()
    await page.getByLabel('Group by').selectOption('model')
    const byModel = page.getByRole('table', { name: 'Use by model' })
    await byModel.getByRole('button', { name: 'mistral-small' }).waitFor()
    const [csv] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'CSV' }).click(),
    ])
    assert.equal(csv.suggestedFilename(), 'usage.csv')
    assert.equal(await csv.failure(), null)
    await page.getByLabel('Time shown').selectOption('30')
    await page.getByLabel('As tables').check()
    await page.getByRole('columnheader', { name: 'Day' }).first().waitFor()
    await page.getByRole('button', { name: 'Key: busy' }).click()
    await page.getByRole('button', { name: 'Key: busy' }).waitFor({ state: 'detached' })
    assertNoProblems(watched)
    await page.close()
  })

  for (const [scheme, width] of [
    ['light', 360],
    ['light', 1920],
    ['dark', 1920],
  ] as const) {
    it(`has no accessibility violations: ${scheme}, ${width} pixels wide`, async () => {
      const watched = await openPage(browser.context, gateway.page, { width, height: 900 })
      const { page, show } = watched
      await page.emulateMedia({ colorScheme: scheme })
      const found: string[] = []
      for (const view of callerViewIds) {
        await show(view)
        await page.locator('#view h2').first().waitFor()
        if (view === 'usage') await page.locator('.chart canvas').first().waitFor()
        if (view === 'keys') {
          await page.getByRole('searchbox', { name: 'Find keys' }).fill('busy')
          await page.getByRole('link', { name: 'greedy' }).waitFor({ state: 'detached' })
          await page.locator('tr, .card').filter({ hasText: 'busy' }).getByText('near its limit').waitFor()
        }
        await check(view)
        if (view === 'usage' || view === 'limits') continue
        const name = { keys: 'busy', teams: 'ml', owners: 'ann' }[view as 'keys' | 'teams' | 'owners']
        await page.getByRole('link', { name, exact: true }).click()
        await drawer(page).getByRole('heading', { name: 'Used (UTC)' }).waitFor()
        await check(`${view}-opened`)
        await page.keyboard.press('Escape')
        await drawer(page).waitFor({ state: 'detached' })
        await page.getByRole('button', { name: /^New (?:key|team|owner)$/ }).click()
        await drawer(page).getByRole('button', { name: 'Add a budget' }).click()
        for (const details of await drawer(page).locator('summary').all()) await details.click()
        await check(`${view}-new`)
        await page.keyboard.press('Escape')
        await drawer(page).waitFor({ state: 'detached' })
      }
      assert.deepEqual(found, [])
      assertNoProblems(watched)
      await page.close()

      async function check(name: string): Promise<void> {
        await page.mouse.move(0, 0)
        found.push(...(await axeFindings(page)).map(({ impact, text }) => `${name}: ${impact}: ${text}`))
        const pixels = await overflow(page)
        if (pixels > 0) found.push(`${name}: ${pixels} pixels too wide`)
        await page.screenshot({ path: `${pictures}${name}-${width}-${scheme}.png` })
      }
    })
  }
})
