import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { adminOf, bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { askFor, chatThat, startCountingEndpoint } from '../support/counting-endpoint.ts'
import { startGateway } from '../support/gateway.ts'
import { startPostgres, whyNoPostgres } from '../support/postgres.ts'
import { eventually } from '../support/simulator.ts'

const postgres = whyNoPostgres === undefined ? await startPostgres() : undefined

const stores = [
  { name: 'SQLite', skip: undefined, place: storeFile },
  {
    name: 'PostgreSQL',
    skip: whyNoPostgres,
    place: async () => (await postgres?.createSchema()) ?? '',
  },
]

/** Gateways with one store, and a key with a budget. */
async function start(t: TestContext, store: string, budget: Record<string, unknown>) {
  const limits = { budgets: [{ unit: 'tokens', period: 'ever', ...budget }] }
  const { key, entry } = configuredKey('ci', { limits })
  const endpoint = await startCountingEndpoint(t)
  const callers = { store, secret: callersSecret, keys: [entry], refresh_interval: '50ms' }
  const open = () => startGateway(t, [{ url: endpoint.url, name: 'gpu' }], { callers })
  const headers = bearer(key)
  return {
    endpoint,
    open,
    use: (url: string, tokens: number) => askFor(url, headers, 'complete', tokens, false),
    async statusOf(url: string, maxTokens: number) {
      const body = JSON.stringify({ ...JSON.parse(chatThat('complete', 1, false)), max_tokens: maxTokens })
      const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body })
      await response.text()
      return response.status
    },
    async counted(url: string) {
      const { total } = (await adminOf(url)('GET', '/usage')).body as { total: Record<string, number> }
      return (total.prompt_tokens ?? 0) + (total.completion_tokens ?? 0)
    },
  }
}

for (const { name, skip, place } of stores) {
  describe(`gateways that share ${name}`, skip === undefined ? {} : { skip }, () => {
    it('count for one budget, and neither lose nor double it when one restarts', async (t) => {
      const { open, use, statusOf, counted, endpoint } = await start(t, await place(), { amount: 20_000 })
      const [one, two] = [await open(), await open()]
      const sent = () => endpoint.sent.promptTokens + endpoint.sent.completionTokens
      const isReached = async (url: string) => (await statusOf(url, 20_001 - sent())) === 429
      for (let count = 0; count < 10; count++) await Promise.all([use(one.url, 430), use(two.url, 430)])
      await eventually(async () => (await counted(one.url)) === sent())
      for (const { url } of [one, two]) {
        await eventually(() => isReached(url))
        assert.equal(await statusOf(url, 5_000), 200)
      }
      await eventually(async () => (await counted(two.url)) === sent())
      await one.close()
      const again = await open()
      assert.equal(await isReached(again.url), true)
      assert.equal(await statusOf(again.url, 5_000), 200)
      for (let count = 0; count < 16; count++) await use(count % 2 === 0 ? again.url : two.url, 330)
      for (const { url } of [again, two]) {
        await eventually(() => isReached(url))
        await eventually(async () => (await counted(url)) === sent())
      }
      await again.close()
      await two.close()
      const third = await open()
      assert.equal(await counted(third.url), sent())
      assert.equal(await isReached(third.url), true)
      assert.equal(await statusOf(third.url, 20_000 - sent() - 100), 200)
    })
  })
}
