import type { KeyPath } from '../schema/diagnostics.ts'

/**
 * Keys in configurations that Olla shipped or documented but that no release reads. Files with them must load, so each
 * is a warning with the key to use instead. `[]` matches any index, `*` any key.
 */
const unreadKeys: readonly (readonly [string, string])[] = [
  ['server.rate_limits.per_endpoint', 'has no effect in Olla and none here'],
  ['server.log_level', 'Olla never read it; use logging.level'],
  ['server.max_request_size', 'Olla never read it; use server.request_limits.max_body_size'],
  ['proxy.retry', 'has no effect in Olla and none here; see proxy.max_retries'],
  [
    'proxy.connection_pool',
    'Olla never read it; see max_concurrent of an endpoint and proxy.pool_idle_timeout',
  ],
  ['proxy.max_idle_conns', 'Olla never read it; connections are pooled per endpoint without a limit'],
  ['proxy.max_conns_per_host', 'Olla never read it; use max_concurrent of an endpoint'],
  ['proxy.max_connections_per_endpoint', 'Olla never read it; use max_concurrent of an endpoint'],
  ['proxy.idle_conn_timeout', 'Olla never read it; use proxy.pool_idle_timeout'],
  ['proxy.idle_timeout', 'Olla never read it; use proxy.read_timeout or proxy.pool_idle_timeout'],
  ['proxy.timeout', 'Olla never read it; use proxy.response_timeout'],
  ['proxy.write_timeout', 'Olla never read it; use server.write_timeout'],
  ['proxy.health_check_timeout', 'Olla never read it; use check_timeout of an endpoint'],
  ['discovery.enabled', 'Olla never read it; use discovery.model_discovery.enabled'],
  ['discovery.interval', 'Olla never read it; use discovery.model_discovery.interval'],
  ['discovery.timeout', 'Olla never read it; use discovery.model_discovery.timeout'],
  ['discovery.health_check', 'has no effect in Olla and none here; use check_interval of an endpoint'],
  ['discovery.consul', 'Olla never read it; endpoints come from discovery.static'],
  [
    'discovery.static.endpoints[].health_check',
    'Olla never read it; use health_check_url, check_interval and check_timeout',
  ],
  ['discovery.static.endpoints[].enabled', 'Olla never read it; remove the endpoint to disable it'],
  [
    'model_registry.unification.enabled',
    'has no effect in Olla and none here; use model_registry.enable_unifier',
  ],
  [
    'model_registry.unification.cache_ttl',
    'Olla has dropped it; use model_registry.unification.stale_threshold',
  ],
  [
    'model_registry.unification.custom_rules',
    'Olla has dropped it; rules for model families belong in models.yaml',
  ],
  ['translators.openai', 'Olla never read it; the OpenAI API needs no translator'],
  ['profiles.*', 'Olla never read it; put profiles as YAML files into profiles.directory'],
  ['security', 'Olla never read it; use server.rate_limits and server.request_limits'],
  ['health', 'Olla never read it; use check_interval and check_timeout of an endpoint'],
  ['platforms', 'Olla never read it; put profiles as YAML files into profiles.directory'],
  ['unification', 'Olla never read it; use model_registry.unification'],
  ['circuit_breaker', 'Olla never read it; use proxy.circuit_breaker'],
]

/** @returns the warning for a key that no release of Olla reads; undefined for other keys */
export function unreadByOlla(path: KeyPath): string | undefined {
  const pattern = path
    .map((key) => (typeof key === 'number' ? '[]' : `.${key}`))
    .join('')
    .slice(1)
  const section = pattern.replace(/[^.]+$/, '*')
  return unreadKeys.find(([key]) => key === pattern || key === section)?.[1]
}
