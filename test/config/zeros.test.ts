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
  'proxy.hedging.burst',
  'proxy.hedging.min_samples',
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
  'callers.keys.limits.budgets.amount',
  'callers.teams.limits.budgets.amount',
  'callers.owners.limits.budgets.amount',
  'callers.jwt.refresh_interval',
  'callers.jwt.refetch_interval',
  'callers.jwt.stale_limit',
  'callers.jwt.fetch_timeout',
  'callers.jwt.max_cached_tokens',
  'cluster.max_failures',
  'cluster.timeout',
  'cluster.retry_interval',
  'cluster.heartbeat',
  'cluster.member_timeout',
  'callers.webhooks.timeout',
  'discovery.providers.interval',
  'discovery.providers.max_endpoints',
  'discovery.providers.concurrency',
  'discovery.static.endpoints.wake.port',
  'discovery.static.endpoints.wake.interval',
  'models.unload_after.idle',
  'models.check_interval',
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

/** Values of keys without a default. */
const samples: Readonly<Record<string, unknown>> = {
  url: 'http://h:1',
  name: 'n',
  hash: `hmac-sha256:${'a'.repeat(43)}`,
  amount: 1,
  models: ['m'],
}

const providers: Readonly<Record<string, object>> = {
  any: { type: 'file', path: 'endpoints' },
  port: { type: 'kubernetes', service: 'vllm' },
  remove_after: { type: 'dns', names: ['gpu'], port: 80 },
  concurrency: { type: 'scan', hosts: ['gpu:80'] },
}

const isProvider = ([section, list]: readonly string[]) => section === 'discovery' && list === 'providers'

function problemsOf(path: readonly string[]): string {
  try {
    const document = nested(inputSchema(), path)
    // Keys in the file need the secret with which they are hashed.
    if (isRecord(document) && isRecord(document.callers)) document.callers.secret ??= 's'.repeat(32)
    // Some keys of a provider belong to one type only.
    const key = path.at(-1) ?? ''
    const provider = isProvider(path) ? { ...(providers[key] ?? providers.any), [key]: 0 } : undefined
    parseConfig(provider === undefined ? document : { discovery: { providers: [provider] } })
    return ''
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message
  }
}

/** A document with 0 at a path; the lists on the way have one item. */
function nested(node: SchemaNode, path: readonly string[]): unknown {
  const { properties, items, required, anyOf } = node
  const section: unknown = Array.isArray(anyOf) ? anyOf[0] : undefined
  if (isNode(section) && isRecord(section.properties)) return nested(section, path)
  if (isNode(items)) return [nested(items, path)]
  const [key, ...rest] = path
  if (key === undefined) return 0
  const inner = isRecord(properties) ? properties[key] : undefined
  assert.ok(isNode(inner))
  const needed = Array.isArray(required) ? required.map(String) : []
  return { ...Object.fromEntries(needed.map((name) => [name, samples[name]])), [key]: nested(inner, rest) }
}

function numericKeys(node: SchemaNode, path: readonly string[]): (readonly string[])[] {
  const { properties, items, anyOf } = node
  if (isRecord(properties)) {
    return Object.entries(properties).flatMap(([key, inner]) =>
      isNode(inner) ? numericKeys(inner, [...path, key]) : [],
    )
  }
  if (isNode(items) && isRecord(items.properties)) return numericKeys(items, path)
  const section: unknown = Array.isArray(anyOf) ? anyOf[0] : undefined
  if (isNode(section) && isRecord(section.properties)) return numericKeys(section, path)
  const forms: readonly unknown[] = Array.isArray(anyOf) ? anyOf : [node]
  const isNumeric = forms.some((form) => isNode(form) && (form.type === 'integer' || form.type === 'number'))
  return isNumeric && path.length > 0 ? [path] : []
}
