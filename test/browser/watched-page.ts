import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { BrowserContext, Page } from 'playwright-core'

/** A page, and all that went wrong in it. */
export interface WatchedPage {
  readonly page: Page
  /** Errors on the console, uncaught ones, violations of the security policy, requests to anybody else. */
  readonly problems: readonly string[]
  /** Opens a view and waits until it is there. */
  show(view: string): Promise<void>
}

/** Shorter timers are those of the page's controls. */
const minPollMs = 4_000

export type Scheme = 'light' | 'dark'

/**
 * @param address of the page, up to and including `/internal/ui/`
 * @param expected console errors that a test brings about
 * @param polls false: nothing loads again by itself, so that what changes was caused by an event
 */
export async function openPage(
  context: BrowserContext,
  address: string,
  {
    width = 1280,
    height = 900,
    expected = /^$/,
    polls = true,
  }: { width?: number; height?: number; expected?: RegExp; polls?: boolean } = {},
): Promise<WatchedPage> {
  const page = await context.newPage()
  const problems: string[] = []
  const { origin } = new URL(address)
  page.on('console', (message) => {
    const isBad = message.type() === 'error' || message.type() === 'warning'
    const text = `${message.text()} ${message.location().url}`
    if (isBad && !expected.test(text)) problems.push(`console: ${text}`)
  })
  page.on('pageerror', (error) => problems.push(`uncaught: ${error.stack ?? error.message}`))
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.origin !== origin) problems.push(`request to ${url.href}`)
  })
  await page.exposeFunction('tellViolation', (text: string) => problems.push(`policy: ${text}`))
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      Reflect.get(window, 'tellViolation')(`${violatedDirective} ${blockedURI}`)
    })
  })
  if (!polls) {
    await page.addInitScript((minPollMs) => {
      const { setTimeout } = window
      const start = (run: TimerHandler, ms = 0, ...args: unknown[]) =>
        ms >= minPollMs ? 0 : setTimeout(run, ms, ...args)
      Object.assign(window, { setTimeout: start })
    }, minPollMs)
  }
  await page.setViewportSize({ width, height })
  return { page, problems, show }

  async function show(view: string): Promise<void> {
    const hash = `#${view}`
    if (page.url().startsWith(address)) {
      await page.evaluate((next) => {
        location.hash = next
      }, hash)
    } else await page.goto(address + hash)
    const [tab = ''] = view.split('/')
    await page.locator(`#tab-${tab}[aria-selected="true"]`).waitFor()
  }
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds in the page as it is now, in words; the rules of WCAG 2.2 A and AA and the best practices. */
export async function axeFindings(page: Page): Promise<{ impact: string; text: string }[]> {
  // Evaluated by the debugger: the page's policy would not let a script in.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axeSource)
  const { violations } = await page.evaluate<AxeResults>(() => Reflect.get(window, 'axe').run(document))
  return violations.map(({ impact, id, help, nodes }) => ({
    impact: impact ?? 'none',
    text: `${id}: ${help}: ${nodes.map(({ target }) => target.join(' ')).join(' | ')}`,
  }))
}

/** Pixels by which the page is wider than the window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
}

export function assertNoProblems({ problems }: WatchedPage): void {
  assert.deepEqual(problems, [])
}
