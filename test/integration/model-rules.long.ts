/** Rules for models in memory, at endpoints on real sockets. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

interface Rule {
  readonly rule: string
  readonly model: string
  readonly endpoint: string
  readonly state: string
}

async function rules(gateway: RunningGateway): Promise<string[]> {
  const response = await fetch(`${gateway.url}/internal/admin/operations`)
  const { rules: found } = (await response.json()) as { rules: Rule[] }
  return found.map(({ rule, model, endpoint, state }) => `${rule} ${model} ${endpoint} ${state}`)
}

describe('rules for models', () => {
  it('load and unload, follow a reload, and leave what is in use', async (t) => {
    const box = await withSimulator(t, {
      kind: 'lm-studio',
      name: 'box',
      models: [
        { name: 'a', loaded: false },
        { name: 'b', loaded: true },
      ],
      tokensPerSecond: 4,
    })
    const endpoints = [{ url: box.url, name: 'box', type: 'lm-studio' }]
    const isLoaded = (name: string) => box.control.models().find((model) => model.name === name)?.loaded
    const gateway = await startGateway(t, endpoints)
    assert.deepEqual(await rules(gateway), [])
    const keepWarm = { check_interval: '1s', keep_warm: [{ model: 'a', endpoints: ['box'] }] }
    const applied = await gateway.reload(endpoints, { models: keepWarm })
    assert.equal(applied.outcome, 'applied')
    assert.deepEqual(applied.needs_restart, [])
    await eventually(() => isLoaded('a') === true)
    await eventually(async () => (await rules(gateway)).includes('keep_warm a box warm'))

    const answer = await postChat(gateway.url, { model: 'b', stream: true })
    await gateway.reload(endpoints, { models: { ...keepWarm, unload_after: [{ idle: '1s' }] } })
    let wasCutShort = false
    const text = answer.text().then((body) => {
      wasCutShort = !body.includes('[DONE]')
    })
    await eventually(async () => (await rules(gateway)).some((rule) => rule.startsWith('unload_after b box')))
    assert.equal(isLoaded('b'), true)
    await text
    assert.equal(wasCutShort, false)
    await eventually(() => isLoaded('b') === false)
    assert.equal(isLoaded('a'), true)

    await gateway.reload(endpoints)
    assert.deepEqual(await rules(gateway), [])
  })
})
