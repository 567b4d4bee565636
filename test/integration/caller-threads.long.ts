import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adminOf, bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'
import { threads } from '../support/two-threads.ts'

describe('the limits of a caller whose requests end with their thread', () => {
  for (const how of ['throw', 'exit'])
    it(`get back what was reserved: ${how}`, async (t) => {
      const { key, entry } = configuredKey('ci', {
        limits: {
          max_concurrent: 40,
          tokens_per_minute: { completion: 10_000 },
          budgets: [{ amount: 20_000, unit: 'tokens', period: 'ever' }],
        },
      })
      let isSilent = true
      const usage = { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 }
      const endpoint = await startScriptedEndpoint(t, ['m'], () =>
        isSilent ? 'silent' : { body: { id: 'x', choices: [], usage } },
      )
      const store = await storeFile()
      const callers = { store, secret: callersSecret, keys: [entry] }
      const gateway = await startGateway(t, [{ url: endpoint.url }], { callers }, { threads })
      const ask = async (maxTokens: number) => {
        const response = await fetch(`${gateway.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { ...bearer(key), connection: 'close' },
          body: JSON.stringify({ model: 'm', max_tokens: maxTokens, messages: [] }),
        })
        await response.text()
        return response.status
      }
      // 40 requests of 200 tokens on two threads hold all slots and most of the minute.
      const ended: unknown[] = []
      for (let count = 0; count < 40; count++)
        ask(200).then(
          (status) => ended.push(status),
          (error: unknown) => ended.push(error),
        )
      await eventually(() => endpoint.calls.length === 40)
      assert.equal(await ask(1), 429)
      isSilent = false
      for (const thread of [0, 1]) gateway.link?.send(thread, 'test.crash', how)
      await eventually(() => ended.length === 40)
      assert.ok(ended.every((each) => each instanceof Error))
      // Nothing but the tokens of the probes is counted, in any limit: the whole minute fits.
      await eventually(async () => (await ask(9_800).catch(() => 0)) === 200)
      assert.equal(await ask(9_800), 200)
      assert.equal(await ask(9_995), 429)
      const total = async () => (await adminOf(gateway.url)('GET', '/usage')).body.total
      await eventually(async () => Number(((await total()) as { ok: number }).ok) >= 2)
    })
})
