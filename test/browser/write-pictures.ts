// Takes the pictures of the documentation from the demo's fleet: `npm run docs:pictures`, which takes five minutes.
import { mkdir } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startChromium } from './chromium.ts'
import { chat, keepChatting, startDemoGateway } from './demo-gateway.ts'
import { openPage } from './watched-page.ts'

const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url))
/** Of traffic before the pictures, so that the charts have something to show; milliseconds. */
const trafficMs = 270_000
const outageMs = 8_000
const moveOnMs = 300
/** Of the request in the picture. */
const minAttempts = 3
const maxRounds = 20

await mkdir(folder, { recursive: true })
const gateway = await startDemoGateway()
const browser = await startChromium()
const stopChatting = keepChatting(gateway.url, { atOnce: 6, tokens: 40 })
try {
  await wait(trafficMs / 2)
  const vllm = gateway.simulators.get('vllm')
  // Its second half of the traffic sees an endpoint fall, requests move on, and the endpoint come back.
  await vllm?.control.setFault({ kind: 'reset_before_headers' })
  await wait(outageMs)
  await vllm?.control.clearFaults()
  await chat(gateway.url, { model: 'no-such-model' })
  await wait(trafficMs / 2)
  const movedOn = await requestThatMovedOn()

  const { page, show } = await openPage(browser.context, gateway.page, { width: 1440, height: 810 })
  await page.emulateMedia({ colorScheme: 'dark' })
  await show('fleet')
  await page.locator('.topbar').getByText('live').waitFor()
  await page.locator('.table .names').first().waitFor()
  await picture('dashboard-fleet')
  await page.emulateMedia({ colorScheme: 'light' })
  await show('traffic')
  await page.getByLabel('Time shown').selectOption('5')
  await page.locator('.chart canvas').last().waitFor()
  await wait(1_000)
  await picture('dashboard-traffic')
  await page.emulateMedia({ colorScheme: 'dark' })
  await show('requests')
  await page.getByLabel('Moved on').check()
  await show(`requests/${encodeURIComponent(movedOn)}`)
  await page.locator('.lane').nth(2).waitFor()
  await page.mouse.move(0, 0)
  await picture('dashboard-request')

  /** @returns the ID of a request that several endpoints failed and another answered */
  async function requestThatMovedOn(): Promise<string> {
    const failing = ['ollama', 'vllm', 'llamacpp'].map((name) => gateway.simulators.get(name))
    for (let round = 0; round < maxRounds; round++) {
      for (const each of failing) await each?.control.setFault({ kind: 'status', status: 503 })
      // While these fail, a request for the model of all four soon begins at one of them.
      const answered = chat(gateway.url, { tokens: 40 })
      await wait(moveOnMs)
      for (const each of failing) await each?.control.clearFaults()
      await answered
      const response = await fetch(`${gateway.url}/internal/requests?failover=true&outcome=success&limit=200`)
      const { requests } = (await response.json()) as { requests: { id: string; attempts: number }[] }
      const found = requests.find(({ attempts }) => attempts >= minAttempts)
      if (found !== undefined) return found.id
    }
    throw new Error(`no request of ${maxRounds} rounds was answered after ${minAttempts} attempts`)
  }

  async function picture(name: string): Promise<void> {
    await page.screenshot({ path: `${folder}${name}.png` })
  }
} finally {
  await stopChatting()
  await browser.close()
  await gateway.close()
}
