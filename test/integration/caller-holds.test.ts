import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { adminOf, bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { askFor, chatThat, type Ending, startCountingEndpoint } from '../support/counting-endpoint.ts'
import { startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const budget = 100_000

async function start(t: TestContext, engine: string, rest: Record<string, unknown> = {}) {
  const endpoint = await startCountingEndpoint(t)
  // Fails every second request before it answers, so that it is tried again.
  const failing = await startScriptedEndpoint(t, ['m', 'broken'], () => ({
    status: 500,
    body: { error: 'no' },
  }))
  const limits = {
    max_concurrent: 10,
    budgets: [{ amount: budget, unit: 'tokens', period: 'ever' }],
    ...rest,
  }
  const { key, entry } = configuredKey('ci', { limits })
  const callers = { store: await storeFile(), secret: callersSecret, keys: [entry] }
  const gateway = await startGateway(
    t,
    [
      { url: endpoint.url, name: 'gpu', type: 'openai' },
      { url: failing.url, name: 'failing', type: 'openai' },
    ],
    { callers, proxy: { ...engineOf(engine), load_balancer: 'round-robin' } },
  )
  const headers = bearer(key)
  const post = async (body: string) => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, body })
    await response.text()
    return response.status
  }
  const usage = async () => (await adminOf(gateway.url)('GET', '/usage')).body.total as Record<string, number>
  return { gateway, headers, post, usage, endpoint }
}

for (const engine of engines) {
  describe(`reservations and slots with ${engine}`, () => {
    it('are all given back after 100 answers, errors and aborts', async (t) => {
      const { gateway, headers, post, usage } = await start(t, engine)
      const kinds: (Ending | 'error' | 'unknown' | 'wrong')[] = [
        'complete',
        'cut',
        'held',
        'error',
        'unknown',
        'wrong',
      ]
      let at = 0
      const client = async () => {
        while (at < 100) {
          const number = at++
          const kind = kinds[number % kinds.length] ?? 'complete'
          if (kind === 'error') await post('{"model":"broken","max_tokens":900,"messages":[]}')
          else if (kind === 'unknown') await post('{"model":"nothing","max_tokens":900,"messages":[]}')
          else if (kind === 'wrong') await post('{"model":"m","max_tokens":900,')
          else
            await askFor(gateway.url, headers, kind, 1 + (number % 13), kind !== 'complete').catch(() => {})
        }
      }
      await Promise.all(Array.from({ length: 8 }, client))
      await eventually(async () => {
        const { requests = 0 } = await usage()
        return requests === 100 - 16 || requests === 100
      })
      const { prompt_tokens = 0, completion_tokens = 0 } = await usage()
      const used = prompt_tokens + completion_tokens
      // All that is left can be reserved by one request, but for its prompt.
      const almostAll = JSON.stringify({
        ...JSON.parse(chatThat('complete', 1, false)),
        max_tokens: budget - used - 60,
      })
      await eventually(async () => (await post(almostAll)) === 200)
      const tooMuch = JSON.stringify({ ...JSON.parse(almostAll), max_tokens: budget - used })
      assert.equal(await post(tooMuch), 429)
      const held = Array.from({ length: 10 }, () => askFor(gateway.url, headers, 'held', 2))
      assert.equal((await Promise.allSettled(held)).length, 10)
    })

    it('count a request once, however many attempts it takes', async (t) => {
      const { post, usage, gateway, endpoint } = await start(t, engine)
      for (let count = 0; count < 6; count++) assert.equal(await post(chatThat('complete', 5, false)), 200)
      await eventually(async () => (await usage()).requests === 6)
      const { ok, completion_tokens, prompt_tokens } = await usage()
      assert.deepEqual(
        [ok, completion_tokens, prompt_tokens],
        [6, endpoint.sent.completionTokens, endpoint.sent.promptTokens],
      )
      const { requests } = (await (await fetch(`${gateway.url}/internal/requests`)).json()) as {
        requests: { id: string; attempts: unknown }[]
      }
      assert.equal(new Set(requests.map(({ id }) => id)).size, requests.length)
      assert.ok(
        /"attempts":\[\{/.test(JSON.stringify(requests)) || /"attempts":2/.test(JSON.stringify(requests)),
      )
    })
  })
}
