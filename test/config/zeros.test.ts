import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRecord } from '../../src/config/file/decode.ts'
import { parseConfig } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/schema/diagnostics.ts'
import { inputSchema, isNode, type SchemaNode } from '../../src/config/schema/input-schema.ts'

/** What 0 cannot mean: at least one is needed, or the time between two looks would be none. */
const refused = new Set([
  'server.threads',
  'server.rate_limits.ipv6_prefix',
  'proxy.max_attempts',
  'proxy.retry_budget.burst',
  'proxy.circuit_breaker.failure_threshold',
  'discovery.model_discovery.interval',
  'discovery.model_discovery.timeout',
  'discovery.model_discovery.concurrent_workers',
  'discovery.health.concurrent_probes',
  'translators.anthropic.inspector.max_days',
  'logging.max_size_mb',
  'metrics.tracked_models',
  'dashboard.event_subscribers',
  'discovery.static.endpoints.unhealthy_threshold',
  'discovery.static.endpoints.circuit_breaker.failure_threshold',
])

describe('0', () => {
  for (const path of numericKeys(inputSchema(), [])) {
    const key = path.join('.')
    it(`${refused.has(key) ? 'is rejected by' : 'is a valid value of'} ${key}`, () => {
      const found = problemsOf(path)
      if (refused.has(key)) assert.match(found, new RegExp(`${path.at(-1)}: must be`))
      else assert.equal(found, '')
    })
  }

  it('is rejected by no other key', () => {
    const keys = new Set(numericKeys(inputSchema(), []).map((path) => path.join('.')))
    assert.deepEqual(
      [...refused].filter((key) => !keys.has(key)),
      [],
    )
  })
})

function problemsOf(path: readonly string[]): string {
  const list = 'discovery.static.endpoints.'
  const key = path.join('.')
  const inside = key.startsWith(list) ? key.slice(list.length).split('.') : []
  const endpoint = nested(inside)
  const given: unknown = inside.length > 0 ? {} : nested(path)
  const document = isRecord(given) ? given : {}
  const endpoints = [{ url: 'http://h:1', ...(isRecord(endpoint) ? endpoint : {}) }]
  if (inside.length > 0) document.discovery = { static: { endpoints } }
  try {
    parseConfig(document)
    return ''
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message
  }
}

function nested([key, ...rest]: readonly string[]): unknown {
  return key === undefined ? 0 : { [key]: nested(rest) }
}

function numericKeys(node: SchemaNode, path: readonly string[]): (readonly string[])[] {
  const { properties, items, anyOf } = node
  if (isRecord(properties)) {
    return Object.entries(properties).flatMap(([key, inner]) =>
      isNode(inner) ? numericKeys(inner, [...path, key]) : [],
    )
  }
  if (isNode(items) && isRecord(items.properties)) return numericKeys(items, path)
  const forms: readonly unknown[] = Array.isArray(anyOf) ? anyOf : [node]
  const isNumeric = forms.some((form) => isNode(form) && (form.type === 'integer' || form.type === 'number'))
  return isNumeric && path.length > 0 ? [path] : []
}
