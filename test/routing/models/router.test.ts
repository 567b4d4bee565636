import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fleet, placesOf, someNeeds } from './routed-fleet.ts'

describe('ModelRouter', () => {
  it('returns the endpoints that have the model, in configuration order', () => {
    const { route } = fleet([['a', 'b'], ['b'], ['a', 'c']])
    assert.deepEqual(placesOf(route('a')), ['e0', 'e2'])
    assert.deepEqual(placesOf(route('b')), ['e0', 'e1'])
  })

  it('does not visit all endpoints if some have the model: there may be thousands', () => {
    const { registry, route } = fleet([['a'], ['b'], ['a']])
    const { snapshot } = registry
    Object.defineProperty(snapshot, 'endpoints', {
      get: () => assert.fail('all endpoints were looked at'),
    })
    assert.deepEqual(placesOf(route('a')), ['e0', 'e2'])
    assert.throws(() => route('unknown'), /all endpoints were looked at/)
  })

  it('reports why a model has no endpoint', () => {
    const { registry, route } = fleet([['a'], ['b']])
    assert.equal(route('c').reason, 'model_not_found')
    assert.equal(route('c').status, 404)
    registry.setStatus(0, 'offline', 'test')
    assert.equal(route('a').reason, 'model_unavailable')
    assert.equal(route('a').status, 503)
    registry.setStatus(1, 'offline', 'test')
    assert.equal(route('c').reason, 'no_healthy_endpoints')
  })

  it('falls back to any available endpoint after a failed refresh, also for a known model', () => {
    const { route } = fleet([['a'], ['b']], { strategy: 'discovery', fallback: 'all' })
    const outcome = route('a', { refresh: 'failed' })
    assert.equal(outcome.decision, 'fallback')
    assert.deepEqual(placesOf(outcome), ['e0', 'e1'])
  })

  it('treats a name with and without :latest as one, and sends each endpoint its own', () => {
    const { route } = fleet([['a:latest'], ['b'], ['c:7b']], {
      aliases: { fast: ['b'], 'slow:latest': ['a'], b: ['b'] },
    })
    const sent = [
      'a',
      'a:latest',
      'A',
      'b',
      'B',
      'b:latest',
      'c',
      'c:latest',
      'fast',
      'fast:latest',
      'slow',
      'SLOW:latest',
    ]
    assert.deepEqual(
      sent.map((name) => {
        const [candidate] = route(name).candidates
        return candidate === undefined ? 'none' : (candidate.sentModel ?? 'as asked')
      }),
      [
        'as asked',
        'as asked',
        'a:latest',
        'as asked',
        'b',
        'b',
        'none',
        'none',
        'b',
        'b',
        'a:latest',
        'a:latest',
      ],
    )
  })

  it('keeps a decision if the same lists are read again', () => {
    const { route, put } = fleet([['a'], ['b']])
    const first = route('a')
    put(0, 'a')
    put(1, 'b')
    assert.equal(route('a'), first)
  })

  it('keeps a decision until a status or a list changes', () => {
    const { registry, route, put } = fleet([['a'], ['a']])
    const first = route('a')
    assert.equal(route('a'), first)
    registry.setStatus(0, 'unhealthy', 'test')
    assert.deepEqual(placesOf(route('a')), ['e1'])
    registry.setStatus(0, 'healthy', 'test')
    put(1, 'b')
    assert.deepEqual(placesOf(route('a')), ['e0'])
    assert.deepEqual(placesOf(route('b')), ['e1'])
  })

  it('reads the requirements of a request only if the candidates differ in them: that reads the whole body', () => {
    const alike = fleet([[{ name: 'a', contextLength: 8192 }], [{ name: 'a', contextLength: 8192 }]])
    const needs = () => assert.fail('the needs were read')
    assert.deepEqual(placesOf(alike.route('a', { needs })), ['e0', 'e1'])
    alike.put(1, { name: 'a', contextLength: 131_072 })
    assert.throws(() => alike.route('a', { needs }), /the needs were read/)
    const long = alike.route('a', { needs: () => ({ ...someNeeds, promptTokens: 20_000 }) })
    assert.deepEqual(placesOf(long), ['e1'])
  })
})
