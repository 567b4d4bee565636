/** Reloads of a gateway with several threads, one of which ends. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

describe('a reload with several threads', () => {
  it('is in force on a thread that starts afterwards', async (t) => {
    const kind = 'openai-compatible'
    const one = await withSimulator(t, { kind, name: 'one', models: ['m'] })
    const two = await withSimulator(t, { kind, name: 'two', models: ['n'] })
    const endpoints = [
      { url: one.url, name: 'one' },
      { url: two.url, name: 'two' },
    ]
    const gateway = await startGateway(t, endpoints.slice(0, 1), {}, { threads: 2 })
    await gateway.reload(endpoints, { model_aliases: { nick: ['n'] } })
    gateway.link?.send(1, 'test.crash', 'throw')
    const ask = async () => {
      const init = { headers: { 'content-type': 'application/json', connection: 'close' } }
      return postChat(gateway.url, { model: 'nick' }, init).then(
        ({ status }) => status,
        () => 0,
      )
    }
    await eventually(async () => (await gateway.link?.requestAll('test.none', undefined, 100)) !== undefined)
    // Connections go to both threads in turn; the one that ends resets its own.
    let inRow = 0
    await eventually(async () => {
      const status = await ask()
      assert.ok(status === 200 || status === 0, String(status))
      inRow = status === 200 ? inRow + 1 : 0
      return inRow === 50
    })
    const result = await gateway.reload(endpoints.slice(1), {})
    assert.equal(result.outcome, 'applied')
    assert.equal(result.config_version, 3)
  })
})
