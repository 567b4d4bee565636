import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../../../src/config/load.ts'
import { sectionOptions } from '../../../src/config/options/sections.ts'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { buildEndpoints } from '../../../src/endpoints/registry/build.ts'
import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'

const profiles = new ProfileStore({ builtIn: profilesFolder })

function build(
  endpoints: readonly Record<string, unknown>[],
  proxy: Record<string, unknown> = {},
): Endpoint[] {
  const config = parseConfig({ proxy, discovery: { static: { endpoints } } })
  return buildEndpoints(config.discovery.static.endpoints, {
    profile: (type) => profiles.get(type),
    proxy: sectionOptions('proxy', config.proxy),
  })
}

function buildOne(endpoint: Record<string, unknown>, proxy: Record<string, unknown> = {}): Endpoint {
  const [built] = build([endpoint], proxy)
  assert.ok(built !== undefined)
  return built
}

const url = 'http://127.0.0.1:11434'

describe('buildEndpoints', () => {
  it("fills in Olla's defaults (contract 3.1)", () => {
    const built = buildOne({ url, type: 'ollama' })
    assert.equal(built.name, '127.0.0.1:11434')
    assert.equal(built.priority, 100)
    assert.equal(built.weight, 1)
    assert.equal(built.maxConcurrent, 0)
    assert.equal(built.checkIntervalMs, 5000)
    assert.equal(built.checkTimeoutMs, 2000)
    assert.equal(built.preservePath, false)
    assert.equal(built.breaker.failureThreshold, 5)
    assert.equal(built.breaker.openDurationMs, 30_000)
    assert.deepEqual(built.headers, [])
  })

  it('numbers endpoints in the order of their configuration', () => {
    const built = build([
      { url: 'http://127.0.0.1:1', name: 'z' },
      { url: 'http://127.0.0.1:2', name: 'a' },
    ])
    assert.deepEqual(
      built.map(({ slot, name }) => [slot, name]),
      [
        [0, 'z'],
        [1, 'a'],
      ],
    )
  })

  it('keeps priority 0, which is not the default', () => {
    assert.equal(buildOne({ url, priority: 0 }).priority, 0)
  })

  it("uses the profile's paths, by name or prefix", () => {
    const profile = profiles.get('lm-studio')
    assert.ok(profile !== undefined)
    for (const type of ['lm-studio', 'lmstudio', 'lm_studio']) {
      const built = buildOne({ url, type })
      assert.equal(built.profile?.name, 'lm-studio', type)
      assert.equal(built.healthUrl, `${url}${profile.healthCheckPath}`)
      assert.equal(built.modelUrl, `${url}${profile.modelDiscoveryPath}`)
    }
  })

  it('has no profile until the type is detected', () => {
    const built = buildOne({ url, type: 'auto' })
    assert.equal(built.profile, undefined)
    assert.equal(built.healthUrl, `${url}/`)
    assert.equal(built.modelUrl, `${url}/v1/models`)
  })

  it('joins relative paths to the base path and uses absolute URLs unchanged', () => {
    const built = buildOne({
      url: `${url}/base/`,
      health_check_url: 'ready',
      model_url: 'https://monitor.test/list?all=1',
    })
    assert.equal(built.basePath, '/base')
    assert.equal(built.origin, url)
    assert.equal(built.healthUrl, `${url}/base/ready`)
    assert.equal(built.modelUrl, 'https://monitor.test/list?all=1')
    assert.equal(built.ownHealthUrl && built.ownModelUrl, true)
  })

  it('prefers the endpoint’s time limits and breaker settings to those of the proxy', () => {
    const built = buildOne(
      { url, timeouts: { connect: '1s', total: '2m' }, circuit_breaker: { failure_threshold: 2 } },
      { connection_timeout: '9s', response_timeout: '20m', circuit_breaker: { open_duration: '7s' } },
    )
    assert.equal(built.timeouts.connectMs, 1000)
    assert.equal(built.timeouts.totalMs, 120_000)
    assert.equal(built.breaker.failureThreshold, 2)
    assert.equal(built.breaker.openDurationMs, 7000)
    const inherited = buildOne({ url }, { connection_timeout: '9s', response_timeout: '20m' })
    assert.equal(inherited.timeouts.connectMs, 9000)
    assert.equal(inherited.timeouts.totalMs, 1_200_000)
  })
})

describe('outbound auth (contract 3.2)', () => {
  const cases: [string, Record<string, unknown>, string[]][] = [
    ['bearer', { type: 'bearer', token: 's3' }, ['Authorization', 'Bearer s3']],
    ['api_key', { type: 'api_key', key: 's3' }, ['X-Api-Key', 's3']],
    ['api_key in another header', { type: 'api_key', key: 's3', header: 'api-key' }, ['api-key', 's3']],
    ['basic', { type: 'basic', username: 'me', password: 'pä:ss' }, ['Authorization', 'Basic bWU6cMOkOnNz']],
  ]
  for (const [name, auth, headers] of cases) {
    it(name, () => assert.deepEqual(buildOne({ url, auth }).headers, headers))
  }

  it('replaces a static header of the same name in any case', () => {
    const built = buildOne({
      url,
      headers: { authorization: 'Bearer other', 'X-Team': 'blue' },
      auth: { type: 'bearer', token: 's3' },
    })
    assert.deepEqual(built.headers, ['X-Team', 'blue', 'Authorization', 'Bearer s3'])
    assert.deepEqual([...built.secretHeaderNames].sort(), ['authorization', 'x-team'])
  })
})
