import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type TSchema, Type, TypeGuard } from '@sinclair/typebox'
import { parseConfig } from '../../src/config/load.ts'
import { camelCase, optionName } from '../../src/config/options/option-names.ts'
import { readSections, type SectionOptions, type Sections } from '../../src/config/options/sections.ts'
import { ConfigError } from '../../src/config/schema/diagnostics.ts'
import { GatewayConfigSchema } from '../../src/config/schema/schema.ts'
import { Bytes, Duration, Seconds } from '../../src/config/schema/units.ts'

type Options = Sections<'server' | 'proxy'> & { readonly clock?: number }

const read = (options: Options) => readSections(options, ['server', 'proxy'], ['clock'])

describe('the name of an option', () => {
  const text = { default: 0, description: '' } as const
  const cases: [string, TSchema, string][] = [
    ['retry_backoff', Duration(text), 'retryBackoffMs'],
    ['connect', Duration(text), 'connectMs'],
    ['max_body_size', Bytes(text), 'maxBodyBytes'],
    ['max_buffered_bytes', Bytes(text), 'maxBufferedBytes'],
    ['threshold', Bytes(text), 'thresholdBytes'],
    ['max_age', Seconds(text), 'maxAgeSeconds'],
    ['ipv6_prefix', Type.Integer(), 'ipv6Prefix'],
  ]
  for (const [key, schema, name] of cases)
    it(`${key}: ${name}`, () => assert.equal(optionName(key, schema), name))

  it('is unique in its section', () => {
    const look = (schema: TSchema): void => {
      if (TypeGuard.IsUnion(schema)) schema.anyOf.forEach(look)
      if (!TypeGuard.IsObject(schema)) return
      const names = Object.entries(schema.properties).map(([key, each]) => optionName(key, each))
      assert.equal(new Set(names).size, names.length, names.join(' '))
      for (const each of Object.values(schema.properties)) look(each)
    }
    look(GatewayConfigSchema)
  })
})

describe('plugin sections', () => {
  it('default to the defaults of the configuration', () => {
    assert.deepEqual(read({}), read(parts(parseConfig({}))))
    assert.equal(read({}).proxy, read({ clock: 1 }).proxy)
  })

  it('have names and values of the declared types', () => {
    const { proxy, server }: { proxy: SectionOptions<'proxy'>; server: SectionOptions<'server'> } = read({})
    const seen: readonly [number, number, number | 'auto', readonly number[], boolean] = [
      proxy.retryBackoffMs,
      server.cors.maxAgeSeconds,
      server.requestLimits.maxBufferedBytes,
      proxy.circuitBreaker.failureStatuses.slice(0, 1),
      proxy.queue.maxWaitMs === 30_000,
    ]
    assert.deepEqual(seen, [500, 300, 'auto', [500], true])
  })

  it('accept a subset of keys, as in the file or decoded', () => {
    const { proxy, server } = read({
      proxy: { max_retry_wait: '3s', retry_backoff: 250, queue: { max_waiting: 7 } },
      server: { request_limits: { max_body_size: '1MB', max_header_size: 8192 } },
    })
    assert.deepEqual([proxy.queue.maxWaiting, proxy.queue.maxWaitMs], [7, 30_000])
    assert.deepEqual([proxy.maxRetryWaitMs, proxy.retryBackoffMs, proxy.maxRetries], [3_000, 250, 3])
    assert.deepEqual(
      [server.requestLimits.maxBodyBytes, server.requestLimits.maxHeaderBytes],
      [1_048_576, 8_192],
    )
  })

  it('are read once for all plugins', () => {
    const config = parseConfig({ proxy: { max_retries: 9 } })
    const first = read(parts(config))
    assert.equal(first.proxy.maxRetries, 9)
    assert.equal(read({ ...parts(config), clock: 2 }).proxy, first.proxy)
  })

  it('lose nothing of the file', () => {
    const config = parseConfig({})
    for (const [name, section] of Object.entries(config)) {
      if (!['proxy', 'server'].includes(name)) continue
      const options = Object.entries(read(parts(config))).find(([key]) => key === camelCase(name))?.[1]
      assert.equal(JSON.stringify(Object.values(section)).length > 2, true)
      assert.equal(Object.keys(options ?? {}).length, Object.keys(section).length)
    }
  })
})

describe('a plugin registered with an invalid option', () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ sever: {} }, /^sever: unknown option, did you mean "server"\?$/],
    [{ maxBodyBytes: 1 }, /^maxBodyBytes: unknown option; the key is server\.request_limits\.max_body_size$/],
    [{ rate_limits: {} }, /^rate_limits: unknown option; it belongs under server$/],
    [{ nothing: 1 }, /^nothing: unknown option; there are server, proxy, clock$/],
    [{ proxy: { max_retrys: 1 } }, /^proxy\.max_retrys: unknown key, did you mean "max_retries"\?$/],
    [{ proxy: { queue: { max_wait: 'x' } } }, /^proxy\.queue\.max_wait: must be a duration with a unit/],
    [{ proxy: { queue: { max_wait: -1 } } }, /^proxy\.queue\.max_wait: must be a duration with a unit/],
    [{ proxy: { max_attempts: 0 } }, /^proxy\.max_attempts: must be at least 1$/],
    [{ proxy: 'olla' }, /^proxy: must be a mapping of keys$/],
    [{ proxy: null }, /^proxy: must be a mapping of keys$/],
  ]
  for (const [options, message] of cases) {
    it(JSON.stringify(options), () => {
      assert.throws(
        () => read(options),
        (error) => error instanceof ConfigError && message.test(error.message),
      )
    })
  }

  it("may have Fastify's own options", () => {
    const options: Options & { prefix: string; logLevel: string } = { prefix: '/llm', logLevel: 'warn' }
    assert.equal(read(options).proxy.maxAttempts, 6)
  })
})

function parts({ server, proxy }: ReturnType<typeof parseConfig>): Options {
  return { server, proxy }
}
