// What an operator does with the page while the fleet works: sees an endpoint fall and come back, follows a
// request, ends one, talks to a model, loses the connection, signs in.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { eventually } from '../support/simulator.ts'
import { type Browser, startChromium } from './chromium.ts'
import { chat, type DemoGateway, startDemoGateway } from './demo-gateway.ts'
import { assertNoProblems, axeFindings, openPage } from './watched-page.ts'

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

const view = (page: Page) => page.locator('#view')
const simulator = (name: string) => gateway.simulators.get(name) ?? assert.fail(name)

describe('an endpoint that fails', () => {
  it('is shown at once, with the cause, and again when it recovers', async () => {
    const watched = await openPage(browser.context, gateway.page)
    const { page, show } = watched
    await show('fleet')
    const row = view(page).getByRole('row').filter({ hasText: 'vllm' })
    await row.getByText('healthy').waitFor()
    await page.locator('.topbar').getByText('live').waitFor()
    await simulator('vllm').control.setFault({ kind: 'refuse' })
    await row.getByText('offline').waitFor()
    await page.getByRole('tab', { name: /Fleet.*3\/4/ }).waitFor()
    await page.waitForFunction(() => document.title === '(1 down) Fleet · olla-gateway')
    await page.locator('.events').getByText('vllm: healthy → offline').first().waitFor()
    await page.locator('[role="status"]').getByText('vllm is offline').waitFor({ state: 'attached' })
    await simulator('vllm').control.clearFaults()
    await row.getByText('healthy').waitFor()
    await page.getByRole('tab', { name: /Fleet.*4\/4/ }).waitFor()
    assertNoProblems(watched)
    await page.close()
  })
})

describe('a request', () => {
  it('shows its endpoints, the reasons, and how its time was spent', async () => {
    for (const { control } of gateway.simulators.values()) {
      await control.setFault({ kind: 'reset_before_headers', times: 1 })
    }
    await chat(gateway.url)
    for (const { control } of gateway.simulators.values()) await control.clearFaults()
    const watched = await openPage(browser.context, gateway.page)
    const { page, show } = watched
    await show('requests')
    await page.getByLabel('Moved on').check()
    await view(page).getByRole('link', { name: 'llama3.2:3b' }).first().click()
    const drawer = page.getByRole('dialog')
    await drawer.getByText('A routable endpoint has the model.').waitFor()
    assert.ok((await drawer.locator('.attempt').count()) >= 2)
    await drawer.locator('.attempt').first().getByText('failed').waitFor()
    assert.ok((await drawer.locator('.lane').count()) >= 3)
    // The gateway's own lane and one for each attempt, each with a text alternative.
    assert.match(await drawer.locator('.lane-text').last().innerText(), /relaying|failed/)
    await page.keyboard.press('Escape')
    await drawer.waitFor({ state: 'detached' })
    assert.match(page.url(), /#requests$/)
    assertNoProblems(watched)
    await page.close()
  })

  it('can be cancelled from the in-flight list, at the endpoint too', async () => {
    const watched = await openPage(browser.context, gateway.page)
    const { page, show } = watched
    await show('in-flight')
    await view(page).getByText('Nothing in flight').waitFor()
    const answer = chat(gateway.url, { model: 'mistral-small', tokens: 50_000 })
    const row = view(page).getByRole('row').filter({ hasText: 'mistral-small' })
    await row.getByText('relaying').waitFor()
    await row.getByRole('button', { name: /^Cancel/ }).click()
    await row.getByRole('button', { name: /^Really cancel/ }).click()
    await view(page).getByText('Nothing in flight').waitFor()
    assert.match(await answer, /cancelled|broken off/)
    await eventually(() => simulator('vllm').control.counters().aborts > 0)
    await show('events')
    await view(page).getByText('a request for mistral-small was cancelled').first().waitFor()
    assertNoProblems(watched)
    await page.close()
  })
})

describe('the playground', () => {
  it('streams a chat, shows the endpoint and the speed, and stops on request', async () => {
    const watched = await openPage(browser.context, gateway.page)
    const { page, show } = watched
    await show('playground')
    await page.getByLabel('Model or alias').fill('mistral-small')
    await page.getByLabel('Max tokens').fill('20')
    await page.getByLabel('Message').fill('Tell me of the hills')
    await page.keyboard.press('Control+Enter')
    const first = view(page).locator('.turn').first()
    await first
      .getByText(/quick brown|failed|refused|status \d/i)
      .first()
      .waitFor()
    assert.match(await first.innerText(), /\[vllm\] the quick brown/)
    await first.getByRole('link', { name: 'Its timeline' }).waitFor()
    const figures = await first.locator('.figures').innerText()
    assert.match(figures, /Served by\s+vllm/)
    assert.match(figures, /First token\s+\d+ ms/)
    assert.match(figures, /Tokens per second\s+\d+/)
    assert.match(figures, /Tokens\s+20/)

    const events = first.getByRole('region', { name: 'Raw events' })
    await events.getByText('[DONE]').waitFor()
    assert.match(await events.innerText(), /\d+ ms \{"id":/)
    await first.getByText(/^Status 200/).click()
    await first.getByText('x-olla-model').waitFor()
    assert.deepEqual(await axeFindings(page), [])

    for (const [api, event] of [
      ['Completions', '[DONE]'],
      ['Responses', 'response.incomplete'],
      ['Messages', 'message_stop'],
      ['Ollama chat', '"done":true'],
      ['Ollama generate', '"done":true'],
    ] as const) {
      await page.getByLabel('API').selectOption({ label: api })
      for (const isStreamed of [true, false]) {
        await page.getByLabel('Stream', { exact: true }).setChecked(isStreamed)
        const number = await view(page).locator('.turn').count()
        await page.getByLabel('Message').fill('Tell me of the hills')
        await page.keyboard.press('Control+Enter')
        const turn = view(page).locator('.turn').nth(number)
        await turn.locator('.answer-text').getByText('[vllm] the quick brown').waitFor()
        await turn.getByRole('link', { name: 'Its timeline' }).waitFor()
        const parts = await turn.getByRole('region', { name: 'Raw events' }).innerText()
        if (isStreamed) assert.ok(parts.includes(event), `${api}: ${parts.slice(-300)}`)
        else assert.equal(parts.split(' ms').length, 2, api)
      }
    }
    await page.getByRole('button', { name: 'New conversation' }).click()
    await page.getByLabel('API').selectOption({ label: 'Chat Completions' })
    await page.getByLabel('Stream', { exact: true }).setChecked(true)

    await page.getByLabel('Max tokens').fill('50000')
    await page.getByLabel('Message').fill('And of the llamas')
    await page.getByRole('button', { name: 'Send' }).click()
    const second = view(page).locator('.turn').first()
    await second.locator('.answer-text').getByText('[vllm] the quick').waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    await second.getByText('Stopped.').waitFor()
    await eventually(async () => {
      const state = (await (await fetch(`${gateway.url}/internal/inflight`)).json()) as { total: number }
      return state.total === 0
    })
    assertNoProblems(watched)
    await page.close()
  })

  it('shows why a chat failed', async () => {
    const watched = await openPage(browser.context, gateway.page, { expected: /404/ })
    const { page, show } = watched
    await show('playground')
    await page.getByLabel('Model or alias').fill('no-such-model')
    await page.getByLabel('Message').fill('Anybody there?')
    await page.getByRole('button', { name: 'Send' }).click()
    await view(page)
      .locator('.answer .bad')
      .getByText(/no-such-model|No endpoint/)
      .waitFor()
    assertNoProblems(watched)
    await page.close()
  })
})

describe('the configuration', () => {
  it('shows effective values, and no secret', async () => {
    const watched = await openPage(browser.context, gateway.page)
    const { page, show } = watched
    await show('configuration')
    await view(page).getByText('static.endpoints.0.headers.X-Fleet-Key').waitFor()
    const text = await view(page).innerText()
    assert.match(text, /\[secret\]/)
    assert.doesNotMatch(text, /a-secret-of-the-fleet/)
    await page.getByLabel('Find keys and values').fill('retry_backoff')
    await view(page).getByText('10ms').waitFor()
    assert.equal(await view(page).getByText('server', { exact: true }).count(), 0)
    assertNoProblems(watched)
    await page.close()
  })
})

describe('the keyboard', () => {
  it('reaches every view, opens details and returns focus', async () => {
    const watched = await openPage(browser.context, gateway.page)
    const { page, show } = watched
    await show('fleet')
    await page.getByRole('tab', { name: 'Fleet' }).focus()
    await page.keyboard.press('ArrowRight')
    await page.getByRole('tab', { name: 'Models', selected: true }).waitFor()
    await page.keyboard.press('End')
    await page.getByRole('tab', { name: 'Playground', selected: true }).waitFor()
    await page.keyboard.press('ArrowRight')
    await page.getByRole('tab', { name: 'Fleet', selected: true }).waitFor()
    const link = view(page).getByRole('link', { name: 'vllm', exact: true })
    await link.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'vllm' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.equal(await link.evaluate((element) => element === document.activeElement), true)
    const heading = view(page).getByRole('columnheader', { name: 'Endpoint' })
    await heading.getByRole('button').press('Enter')
    assert.equal(await heading.getAttribute('aria-sort'), 'ascending')
    assertNoProblems(watched)
    await page.close()
  })

  it('changes the theme, which is remembered', async () => {
    const watched = await openPage(browser.context, gateway.page)
    const { page, show } = watched
    const theme = () => page.evaluate(() => document.documentElement.dataset.theme ?? 'auto')
    await show('fleet')
    await page.getByRole('button', { name: 'Theme: auto' }).press('Enter')
    assert.equal(await theme(), 'light')
    await page.getByRole('button', { name: 'Theme: light' }).press('Enter')
    assert.equal(await theme(), 'dark')
    assert.equal(await page.evaluate(() => localStorage.getItem('olla-theme')), 'dark')
    await page.reload()
    assert.equal(await theme(), 'dark')
    await page.getByRole('button', { name: 'Theme: dark' }).press('Enter')
    assert.equal(await theme(), 'auto')
    assertNoProblems(watched)
    await page.close()
  })
})

describe('a lost connection', () => {
  const expected = /ERR_|Failed to load/

  it('is shown, bridged by polling if only the stream is lost, and restored', async () => {
    const watched = await openPage(browser.context, gateway.page, { expected })
    const { page, show } = watched
    await page.route('**/internal/events*', (route) => route.abort())
    await show('fleet')
    await page.locator('.topbar').getByText('polling').waitFor()
    await simulator('ollama').control.setFault({ kind: 'refuse' })
    const row = view(page).getByRole('row').filter({ hasText: 'ollama' })
    await row.getByText('offline').waitFor()
    await simulator('ollama').control.clearFaults()
    await page.unroute('**/internal/events*')
    await page.locator('.topbar').getByText('live').waitFor()
    await row.getByText('healthy').waitFor()
    assertNoProblems(watched)
    await page.close()
  })

  it('is shown if nothing answers, until something does', async () => {
    const watched = await openPage(browser.context, gateway.page, { expected })
    const { page, show } = watched
    await show('fleet')
    await page.locator('.topbar').getByText('live').waitFor()
    await page.route('**/internal/**', (route) => route.abort())
    await page.evaluate(() => dispatchEvent(new Event('pagehide')))
    await page.evaluate(() => dispatchEvent(new Event('pageshow')))
    await page.locator('.notice strong').getByText('The gateway does not respond').waitFor()
    await view(page).getByRole('row').filter({ hasText: 'vllm' }).waitFor()
    await page.unroute('**/internal/**')
    await page.locator('.topbar').getByText('live').waitFor()
    await page.locator('.notice').waitFor({ state: 'detached' })
    assertNoProblems(watched)
    await page.close()
  })
})

describe('an admin token', () => {
  it('allows access from anywhere, until sign-out', async () => {
    const token = 'a-token-for-the-browser-test'
    const guarded = await startDemoGateway({
      admin_token: token,
      access_policy: { allowed_cidrs: ['192.0.2.0/24'], allowed_hosts: ['localhost'] },
    })
    try {
      const watched = await openPage(browser.context, guarded.page, { expected: /401/ })
      const { page } = watched
      await page.goto(`${guarded.page}login`)
      await page.getByLabel('Admin token').fill('not-the-token-at-all')
      await page.getByRole('button', { name: 'Log in' }).click()
      await page.getByRole('alert').waitFor()
      await page.getByLabel('Admin token').fill(token)
      await page.getByRole('button', { name: 'Log in' }).click()
      await page.locator('.topbar').getByText('live').waitFor()
      await view(page).getByRole('row').filter({ hasText: 'vllm' }).waitFor()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByLabel('Admin token').waitFor()
      assertNoProblems(watched)
      await page.close()
    } finally {
      await guarded.close()
    }
  })
})
