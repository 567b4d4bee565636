import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { withOtlpCollector } from '../support/otlp-collector.ts'
import { startScript } from '../support/script.ts'
import { eventually, lastPost, withSimulator } from '../support/simulator.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

async function start(t: TestContext, name: string, env: Readonly<Record<string, string>> = {}) {
  const simulator = await withSimulator(t, { kind: 'ollama', name: 'one', models: ['m'] })
  const other = await withSimulator(t, { kind: 'vllm', name: 'other', models: ['m'] })
  const { url } = await startScript(t, `${root}examples/${name}/server.ts`, {
    ENDPOINT_URL: simulator.url,
    RENTED_URL: other.url,
    ...env,
  })
  const ask = (headers: Record<string, string> = {}, prefix = '') =>
    fetch(`${url}${prefix}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"model":"m","max_tokens":3,"messages":[{"role":"user","content":"hi"}]}',
    })
  const asked = async (headers: Record<string, string> = {}, prefix = '') => {
    let response = await ask(headers, prefix)
    await eventually(async () => {
      if (response.status === 200) return true
      response = await ask(headers, prefix)
      return false
    })
    await response.text()
    return response
  }
  return { simulator, other, url, ask, asked }
}

/** What each example promises. */
const checks: Readonly<Record<string, (t: TestContext) => Promise<void>>> = {
  async 'jwt-app'(t) {
    const { url, ask, asked } = await start(t, 'jwt-app')
    const refused = await ask({}, '/llm')
    assert.equal(refused.status, 401)
    const told = (await refused.json()) as { error?: { type?: string } }
    assert.equal(told.error?.type, 'authentication_error', 'in the shape of the API that was called')
    const login = await fetch(`${url}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"user":"alice"}',
    })
    const { token } = (await login.json()) as { token: string }
    await asked({ authorization: `Bearer ${token}` }, '/llm')
    assert.equal((await fetch(url)).status, 200, 'the app’s own routes are as they were')
  },
  async 'custom-selector'(t) {
    const { asked } = await start(t, 'custom-selector')
    await asked()
    for (let request = 0; request < 4; request++)
      assert.equal((await asked()).headers.get('x-olla-endpoint'), 'own-box')
  },
  async 'usage-by-caller'(t) {
    const { simulator, url, ask, asked } = await start(t, 'usage-by-caller')
    assert.equal((await ask()).status, 401)
    await asked({ authorization: 'Bearer key-1' })
    const usage = (await (await fetch(`${url}/usage`)).json()) as Record<string, number>
    assert.deepEqual(Object.keys(usage), ['alice'])
    assert.ok((usage.alice ?? 0) > 3)
    const sent = simulator.control.requests().find(({ path }) => path === '/v1/chat/completions')
    assert.equal(sent?.header('x-caller'), 'alice')
  },
  async 'custom-profile'(t) {
    const { asked } = await start(t, 'custom-profile')
    assert.equal((await asked({}, '/olla/house')).headers.get('x-olla-backend-type'), 'house')
  },
  async 'event-subscriber'(t) {
    const { url, asked } = await start(t, 'event-subscriber')
    await asked()
    const history = (await (await fetch(`${url}/history`)).json()) as string[]
    assert.match(history.join('\n'), /unknown -> healthy/)
  },
  async 'limit-store'(t) {
    const { ask } = await start(t, 'limit-store')
    const statuses = new Set<number>()
    for (let request = 0; request < 45; request++) {
      const response = await ask()
      await response.text()
      statuses.add(response.status)
    }
    assert.ok(statuses.has(429), 'more than twice as many as a minute allows')
  },
  async 'reply-from'(t) {
    const { simulator, other, ask, asked } = await start(t, 'reply-from')
    const servedBy = async () => (await ask()).headers.get('x-served-by')
    await asked()
    assert.equal(await servedBy(), 'own-box')
    await eventually(async () => {
      await simulator.control.setFault({ kind: 'status', status: 503, times: 1 })
      return (await servedBy()) === 'rented'
    })
    const [first, second] = [simulator, other].map((each) => lastPost(each)?.body.toString())
    assert.equal(second, first, 'the body goes to the next upstream as it is')
    assert.equal(await servedBy(), 'own-box', 'one failure does not open a circuit')
    await simulator.close()
    assert.equal(await servedBy(), 'rented', 'a refused connection moves on as well')
    await other.close()
    assert.equal((await ask()).status, 503)
  },
  async opentelemetry(t) {
    const collector = await withOtlpCollector(t)
    const { asked } = await start(t, 'opentelemetry', {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
    })
    await asked()
    await eventually(() => collector.spans.includes('chat m') && collector.spans.includes('POST /v1/*'))
    await eventually(() => collector.metrics.has('gen_ai.client.token.usage'))
  },
}

describe('the examples', () => {
  const names = globSync('examples/*/server.ts', { cwd: root }).map((path) => path.split(/[\\/]/)[1] ?? '')
  it('each have a check here', () => assert.deepEqual(names.sort(), Object.keys(checks).sort()))
  for (const [name, check] of Object.entries(checks)) it(`${name} works as described`, check)
})
