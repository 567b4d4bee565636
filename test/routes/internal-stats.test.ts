import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Value } from '@sinclair/typebox/value'
import { VersionSchema } from '../../src/kernel/version.ts'
import { ProcessSchema } from '../../src/observe/views/process.ts'
import { endpoint, figures, request } from '../observe/stats/fixtures.ts'
import { createInternalApp } from './internal-app.ts'

describe('/internal/stats/models', () => {
  it('adds endpoints on request', async (t) => {
    const { app, catalog } = await createInternalApp(t, [endpoint()])
    catalog.update(endpoint(), [{ name: 'm', raw: {} }], 1)
    await app.inject('/test/record')
    const plain = (await app.inject('/internal/stats/models')).json()
    assert.deepEqual(plain.endpoints, {})
    assert.ok(!('endpoint_breakdown' in plain.models[0]))
    const full = (
      await app.inject('/internal/stats/models?include_endpoints=true&include_summary=true')
    ).json()
    assert.equal(full.models[0].endpoint_breakdown['endpoint-0'].request_count, 1)
    assert.equal(full.endpoints['endpoint-0'].average_latency, '5ms')
  })

  it('combines models that no endpoint has under one name', async (t) => {
    const { app } = await createInternalApp(t, [endpoint()])
    await app.inject('/test/record')
    const { models } = (await app.inject('/internal/stats/models')).json()
    assert.deepEqual(
      models.map(({ name }: { name: string }) => name),
      ['(other)'],
    )
  })
})

describe('percentiles', () => {
  const routes: readonly [path: string, list: string][] = [
    ['/internal/status/endpoints', 'endpoints'],
    ['/internal/stats/models', 'models'],
  ]
  for (const [path, list] of routes) {
    it(`are right within 5 % in ${path}`, async (t) => {
      const { app, catalog, record, gaps } = await createInternalApp(t, [endpoint()])
      catalog.update(endpoint(), [{ name: 'm', raw: {} }], 1)
      // 62 to 86 ms, which were one bucket once; then a few slow ones.
      const durations = Array.from({ length: 200 }, (_, at) => (at < 190 ? 62 + at / 8 : 1_000 + 11 * at))
      for (const durationMs of durations) {
        record(request({ model: 'm', durationMs, answer: figures({ firstTokenMs: durationMs / 7 }) }))
        for (const table of [gaps.endpoints, gaps.models]) table.record(0, durationMs / 100)
      }
      const [row] = (await app.inject(path)).json()[list]
      for (const [field, divisor] of [
        ['latency', 1],
        ['first_token', 7],
        ['inter_token', 100],
      ] as const) {
        for (const share of [50, 95, 99]) {
          const exact = (durations[Math.ceil((share / 100) * durations.length) - 1] ?? 0) / divisor
          const shown = row[`p${share}_${field}_ms`]
          assert.ok(Math.abs(shown - exact) <= exact * 0.05, `p${share} ${field}: ${shown}, not ${exact}`)
        }
      }
    })
  }
})

it('/internal/stats/sticky reports that sticky sessions are off', async (t) => {
  const { app } = await createInternalApp(t, [])
  assert.equal((await app.inject('/internal/stats/sticky')).body, '{"enabled":false}')
})

it('/internal/process describes this process', async (t) => {
  const { app } = await createInternalApp(t, [])
  const response = await app.inject('/internal/process')
  assert.equal(response.statusCode, 200)
  const { runtime, memory } = response.json()
  assert.equal(runtime.go_version, `node ${process.version}`)
  assert.match(memory.heap_alloc, /^\d+\.\d\d MB$/)
  for (const key of Object.keys(ProcessSchema.properties)) assert.ok(key in response.json(), key)
})

it('/version names the available backend types in Olla’s spelling', async (t) => {
  const { app } = await createInternalApp(t, [])
  const response = await app.inject('/version')
  assert.ok(Value.Check(VersionSchema, response.json()), response.body)
  const view = response.json()
  assert.equal(view.version, '1.2.3')
  assert.equal(view.build.go_version, `node ${process.version}`)
  assert.deepEqual([...view.supported_backends].sort(), [
    'docker-model-runner',
    'lemonade',
    'litellm',
    'llamacpp',
    'lm_studio',
    'lmdeploy',
    'ollama',
    'omlx',
    'openai_compatible',
    'sglang',
    'tensorrt-llm',
    'tgi',
    'vllm',
    'vllm-mlx',
  ])
})

it('every path in /version is served', async (t) => {
  const { app } = await createInternalApp(t, [])
  const { api } = (await app.inject('/version')).json()
  // The metrics need more of a gateway than this app has; they have their own test.
  const paths = Object.values<string>(api.endpoints).filter((path) => path !== '/internal/metrics')
  for (const path of paths) {
    assert.notEqual((await app.inject(path)).statusCode, 404, path)
  }
})
