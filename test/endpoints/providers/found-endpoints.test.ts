import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isOwnEndpoint, parseConfig, parseEndpoint } from '../../../src/config/load.ts'
import { FoundEndpoints } from '../../../src/endpoints/providers/found-endpoints.ts'
import { LiveSet } from '../../../src/endpoints/providers/live-set.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function setUp(urls: readonly string[]) {
  const set = new LiveSet({ clock: new FakeClock(), onChange: () => {} })
  const reports = set.add({
    name: 'scan',
    kind: 'scan',
    removeAfterMs: 0,
    keepForMs: 0,
    maxEndpoints: 10,
    approves: () => true,
  })
  reports.found(
    urls.map((url, at) => ({ url, name: `found-${at}`, settings: {}, labels: {}, isReady: true })),
  )
  let parsed = 0
  const found = new FoundEndpoints({
    set,
    templateOf: () => ({ type: 'vllm' }),
    parse(value) {
      parsed++
      return parseEndpoint(value, ['vllm'])
    },
    isOwn: isOwnEndpoint,
  })
  return { found, reports, parsed: () => parsed }
}

describe('found endpoints as configuration', () => {
  it('leave out the gateway itself', () => {
    const { found } = setUp(['http://localhost:40114', 'http://127.0.0.1:40115'])
    const config = parseConfig({ server: { port: 40114 } })
    assert.deepEqual(
      found.over([], config).map(({ url }) => url),
      ['http://127.0.0.1:40115'],
    )
    assert.equal(found.view().endpoints[0]?.problem, 'is the gateway itself')
  })

  it('are read once while they stay', () => {
    const { found, parsed } = setUp(['http://a:1', 'http://b:1'])
    const config = parseConfig({})
    const [first] = found.over([], config)
    assert.equal(found.over([], config)[0], first)
    assert.equal(parsed(), 2)
  })

  it('are forgotten when they leave', () => {
    const { found, reports, parsed } = setUp(['http://a:1'])
    const config = parseConfig({})
    found.over([], config)
    reports.found([])
    assert.deepEqual(found.over([], config), [])
    reports.found([{ url: 'http://a:1', name: 'found-0', settings: {}, labels: {}, isReady: true }])
    found.over([], config)
    assert.equal(parsed(), 2)
  })
})
