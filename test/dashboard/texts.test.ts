import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { configSections } from '../../dashboard/src/state/config-rows.ts'
import { describeEvent, isNews } from '../../dashboard/src/state/event-text.ts'
import { routingSentence } from '../../dashboard/src/state/routing-text.ts'
import { formatAddress, parseAddress, viewIds } from '../../dashboard/src/state/view-address.ts'
import { strategies } from '../../src/routing/models/routing-strategies.ts'
import { gatewayEventTypes } from '../../src/runtime/events/events.ts'

const event = (type: string, data: Record<string, unknown>) => ({
  id: '1',
  type,
  at: '2026-11-02T10:00:00.000Z',
  data,
})

describe('event texts', () => {
  it('describe what happened, the endpoint and the severity', () => {
    assert.deepEqual(
      describeEvent(
        event('endpoint.status', { endpoint: 'gpu', from: 'healthy', to: 'offline', reason: 'refused' }),
      ),
      { tone: 'bad', text: 'healthy → offline', detail: 'refused', endpoint: 'gpu' },
    )
    assert.equal(describeEvent(event('breaker.transition', { to: 'half_open' })).tone, 'warn')
    assert.equal(describeEvent(event('request.failover', { from: 'gpu', model: null })).endpoint, 'gpu')
  })

  it('exist for every event type that the gateway publishes', () => {
    for (const type of gatewayEventTypes) assert.notEqual(describeEvent(event(type, {})).text, type)
  })

  it('show unknown events unchanged', () => {
    assert.deepEqual(describeEvent(event('moon.rose', { full: true })), {
      tone: 'calm',
      text: 'moon.rose',
      detail: '{"full":true}',
      endpoint: undefined,
    })
  })

  it('never throw, for any data', () => {
    const types = [
      'endpoint.status',
      'discovery.completed',
      'request.cancelled',
      'lifecycle.phase',
      'config.changed',
    ]
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.dictionary(fc.string(), fc.jsonValue()), (type, data) => {
        assert.equal(typeof describeEvent(event(type, data)).text, 'string')
      }),
    )
  })

  it('omit lists that have not changed', () => {
    assert.equal(isNews(event('discovery.completed', { added: [], removed: [] })), false)
    assert.equal(isNews(event('discovery.completed', { added: ['m'], removed: [] })), true)
    assert.equal(isNews(event('discovery.failed', {})), true)
  })
})

describe('routing reason texts', () => {
  it('exist for every reason that a strategy can give', () => {
    for (const strategy of Object.values(strategies)) {
      for (const knowledge of ['found', 'unavailable', 'unknown'] as const) {
        for (const fallback of ['compatible_only', 'none', 'all'] as const) {
          for (const refresh of [undefined, 'off', 'done', 'failed', 'impossible'] as const) {
            for (const someRoutable of [true, false]) {
              const decision = strategy({ knowledge, fallback, refresh, someRoutable })
              const sentence = routingSentence(decision)
              assert.match(sentence, /^[A-Z].*\.$/)
              assert.notEqual(sentence.toLowerCase(), `${decision.reason.replaceAll('_', ' ')}.`)
            }
          }
        }
      }
    }
  })

  it('show sentences unchanged', () => {
    const reason = 'alias "fast" resolved to 2 endpoint(s)'
    assert.equal(routingSentence({ decision: null, reason: null }), 'It was not routed.')
    assert.equal(routingSentence({ decision: 'routed', reason: null }), 'Decision: routed.')
    assert.equal(routingSentence({ decision: 'routed', reason }), 'Alias "fast" resolved to 2 endpoint(s).')
  })
})

describe('the address of a view', () => {
  it('round-trips for any open details', () => {
    fc.assert(
      fc.property(fc.constantFrom(...viewIds), fc.option(fc.string({ minLength: 1 })), (view, item) => {
        const parsed = parseAddress(formatAddress(view, item ?? undefined))
        assert.deepEqual(parsed, { view, item: item ?? undefined })
      }),
    )
  })

  it('defaults to the fleet', () => {
    for (const hash of ['', '#', '#nothing', '#fleet/%E0%A4%A']) {
      assert.deepEqual(parseAddress(hash), { view: 'fleet', item: undefined })
    }
  })
})

describe('the configuration view', () => {
  const view = {
    values: {
      server: { port: 40114, host: '', cors: { allowed_origins: ['*', 'x'], allowed_methods: [] } },
      discovery: { static: { endpoints: [{ name: 'gpu', auth: { token: '[secret]' } }] } },
      model_aliases: {},
    },
    changed: ['server.port', 'discovery.static.endpoints'],
  }
  const all = { search: '', onlyChanged: false }

  it('has a line for every value', () => {
    const lines = configSections(view, all).map(({ name, rows }) => [
      name,
      ...rows.map(({ key, value }) => `${key}=${value}`),
    ])
    assert.deepEqual(lines, [
      ['server', 'port=40114', 'host=""', 'cors.allowed_origins=*, x', 'cors.allowed_methods=none'],
      ['discovery', 'static.endpoints.0.name=gpu', 'static.endpoints.0.auth.token=[secret]'],
      ['model_aliases', 'model_aliases=none'],
    ])
  })

  it('marks values that differ from the defaults, with everything below them', () => {
    const changed = configSections(view, { ...all, onlyChanged: true }).flatMap(({ rows }) =>
      rows.map(({ key }) => key),
    )
    assert.deepEqual(changed, ['port', 'static.endpoints.0.name', 'static.endpoints.0.auth.token'])
  })

  it('can be searched by key and value', () => {
    const found = (search: string) =>
      configSections(view, { ...all, search }).flatMap(({ rows }) => rows.map(({ key }) => key))
    assert.deepEqual(found('SERVER.po'), ['port'])
    assert.deepEqual(found('gpu'), ['static.endpoints.0.name'])
    assert.deepEqual(found('no such'), [])
  })
})
