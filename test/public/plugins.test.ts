import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import Fastify, { type FastifyInstance, type FastifyPluginCallback } from 'fastify'
import gateway, { ConfigError, parseConfig } from '../../src/index.ts'
import callers from '../../src/public/callers.ts'
import circuitBreaker from '../../src/public/circuit-breaker.ts'
import events from '../../src/public/events.ts'
import healthChecker from '../../src/public/health-checker.ts'
import proxyEngine from '../../src/public/proxy-engine.ts'
import security from '../../src/public/security.ts'
import { callersSecret, configuredKey } from '../support/callers.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

function appFor(t: TestContext): FastifyInstance {
  const app = Fastify()
  t.after(() => app.close())
  return app
}

const sectionsFor = (...urls: string[]) =>
  parseConfig({
    discovery: { static: { endpoints: urls.map((url) => ({ url, type: 'openai-compatible' })) } },
    proxy: { load_balancer: 'round-robin', circuit_breaker: { failure_threshold: 2 } },
  })

describe('the public plugins', () => {
  const { discovery, proxy } = sectionsFor('http://127.0.0.1:9')
  const { key, entry } = configuredKey('app')
  const parseCallers = () => {
    const { callers: section } = parseConfig({ callers: { secret: callersSecret, keys: [entry] } })
    return { callers: section }
  }
  const plugins: ReadonlyArray<
    readonly [name: string, register: (app: FastifyInstance) => unknown, decorator: string]
  > = [
    ['callers', (app) => app.register(callers, parseCallers()), 'callers'],
    ['circuit-breaker', (app) => app.register(circuitBreaker, { discovery, proxy }), 'circuitBreakers'],
    ['events', (app) => app.register(events), 'gatewayEvents'],
    ['health-checker', (app) => app.register(healthChecker, { discovery, proxy }), 'healthChecker'],
    ['proxy-engine', (app) => app.register(proxyEngine, { discovery, proxy }), 'proxyEngine'],
    ['security', (app) => app.register(security), 'gatewaySecurity'],
  ]

  it('are the exports of the package besides the gateway and its server', () => {
    const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    assert.ok(typeof manifest === 'object' && manifest !== null && 'exports' in manifest)
    assert.deepEqual(Object.keys(Object(manifest.exports)).sort(), [
      '.',
      './http-server',
      './package.json',
      ...plugins.map(([name]) => `./plugins/${name}`),
    ])
  })

  for (const [name, register, decorator] of plugins)
    it(`register their own requirements: ${name}`, async (t) => {
      const app = appFor(t)
      await register(app)
      await app.ready()
      assert.ok(app.hasDecorator(decorator))
    })

  it('can be combined in any order, each part once, with or without awaiting', async (t) => {
    for (const order of [plugins, plugins.toReversed()]) {
      const app = appFor(t)
      for (const [, register] of order) register(app)
      await app.ready()
      for (const [, , decorator] of plugins) assert.ok(app.hasDecorator(decorator), decorator)
      assert.equal(app.endpointRegistry.snapshot.endpoints.length, 1)
    }
  })

  it('use the given sections', async (t) => {
    const app = appFor(t)
    await app.register(proxyEngine, { discovery, proxy })
    assert.equal(app.endpointSelector.strategy, 'round-robin')
    const breaker = app.circuitBreakers.get(0)
    for (let call = 0; call < 2; call++) {
      const permit = breaker.acquire()
      assert.notEqual(permit, 'refused')
      if (permit !== 'refused') breaker.fail(permit, 'down')
    }
    assert.equal(breaker.state, 'open')
  })

  it('publish the results of the health checker on the event bus', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    const app = appFor(t)
    const found: string[] = []
    await app.register(events)
    app.gatewayEvents.subscribe((event) => {
      if (event.type === 'endpoint.status') found.push(event.data.to)
    })
    const sections = sectionsFor(simulator.url)
    await app.register(healthChecker, { discovery: sections.discovery, proxy: sections.proxy })
    await app.ready()
    await eventually(() => found.includes('healthy'))
    assert.equal(app.endpointRegistry.status(0), 'healthy')
  })

  it('work beside a gateway, in a separate scope', async (t) => {
    const app = appFor(t)
    await app.register(async (scope) => {
      for (const [, register] of plugins) await register(scope)
      scope.get('/guarded', () => 'guarded')
    })
    await app.register(gateway, { prefix: '/llm', config: parseConfig({}) })
    await app.ready()
    const headers = { authorization: `Bearer ${key}` }
    assert.equal((await app.inject({ url: '/guarded', headers })).body, 'guarded')
    assert.equal((await app.inject('/guarded')).statusCode, 401)
    assert.equal((await app.inject('/llm/v1/models')).statusCode, 200, 'the gateway needs no key')
    assert.equal((await app.inject('/llm/internal/status')).statusCode, 200)
  })
})

describe('a public plugin registered with an invalid option', () => {
  const cases: readonly (readonly [
    name: string,
    plugin: FastifyPluginCallback<Record<string, unknown>>,
    options: Record<string, unknown>,
    message: RegExp,
  ])[] = [
    ['callers', callers, { caller: {} }, /^caller: unknown option, did you mean "callers"\?$/],
    ['callers', callers, { callers: { stor: 'x' } }, /^callers\.stor: unknown key, did you mean "store"\?$/],
    ['circuit-breaker', circuitBreaker, { proxi: {} }, /^proxi: unknown option, did you mean "proxy"\?$/],
    ['events', events, { onevent: () => {} }, /^onevent: unknown option, did you mean "onEvent"\?$/],
    [
      'health-checker',
      healthChecker,
      { discovery: { health: { jiter: 0 } } },
      /^discovery\.health\.jiter: unknown key, did you mean "jitter"\?$/,
    ],
    [
      'proxy-engine',
      proxyEngine,
      { proxy: { max_attempts: 0 } },
      /^proxy\.max_attempts: must be at least 1$/,
    ],
    ['proxy-engine', proxyEngine, { maxAttempts: 3 }, /the key is proxy\.max_attempts$/],
    ['security', security, { rates: {} }, /^rates: unknown option; there are server, store, clock$/],
    ['security', security, { maxBodyBytes: 1 }, /the key is server\.request_limits\.max_body_size$/],
  ]
  for (const [name, plugin, options, message] of cases) {
    it(`${name}: ${Object.keys(options).join()}`, async (t) => {
      await assert.rejects(
        async () => void (await appFor(t).register(plugin, options)),
        (error) => error instanceof ConfigError && message.test(error.message),
      )
    })
  }
})
