import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { Ajv } from 'ajv'
import { EndpointsSchema } from '../../src/observe/views/endpoints.ts'
import { ModelsSchema } from '../../src/observe/views/models.ts'
import { StatusSchema } from '../../src/observe/views/status.ts'
import { endpoint } from '../observe/stats/fixtures.ts'
import { createInternalApp } from './internal-app.ts'

const routes = {
  '/internal/status': StatusSchema,
  '/internal/status/endpoints': EndpointsSchema,
  '/internal/status/models?detailed=true&group=family': ModelsSchema,
}

const ajv = new Ajv({ formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ } })

/** Endpoints with credentials in their headers. */
const fleet = [0, 1, 2].map((slot) => endpoint({ slot, headers: ['Authorization', 'Bearer sk-secret'] }))

for (const [url, schema] of Object.entries(routes)) {
  describe(url, () => {
    it('answers with all fields of its schema', async (t) => {
      const { app, registry, catalog } = await createInternalApp(t, fleet)
      registry.setStatus(0, 'healthy', 'answered')
      registry.setStatus(1, 'offline', 'connection refused')
      catalog.update(endpoint(), [{ name: 'm', family: 'f', type: 'llm', raw: {} }], 1_800_000_000_000)
      await app.inject('/test/record')
      const response = await app.inject(url)
      assert.equal(response.statusCode, 200)
      assert.match(String(response.headers['content-type']), /^application\/json/)
      const validate = ajv.compile(schema)
      validate(response.json())
      assert.deepEqual(validate.errors ?? [], [])
      assert.ok(!response.body.includes('sk-secret'))
    })

    it('answers every method alike, with any body (contract 1.1)', async (t) => {
      const { app } = await createInternalApp(t, fleet)
      const expected = (await app.inject(url)).body
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const) {
        const response = await app.inject({
          method,
          url,
          payload: '{"not json',
          headers: { 'content-type': 'application/json' },
        })
        assert.equal(response.statusCode, 200, method)
        assert.equal(response.body, expected)
      }
      const head = await app.inject({ method: 'HEAD', url })
      assert.equal(head.statusCode, 200)
      assert.equal(head.headers['content-length'], String(Buffer.byteLength(expected)))
    })

    it('has a tag that does not change with time only', async (t) => {
      const { app, clock, probe } = await createInternalApp(t, fleet)
      const first = await app.inject(url)
      const tag = String(first.headers.etag)
      assert.match(tag, /^W\/"[0-9a-z]{1,13}"$/)
      assert.equal(first.headers['cache-control'], 'private, no-cache')
      await clock.advance(60_000)
      probe.current = { ...probe.current, lastCheckMs: clock.nowMs(), nextCheckMs: clock.nowMs() + 5_000 }
      const second = await app.inject(url)
      assert.notEqual(second.body, first.body)
      assert.equal(second.headers.etag, tag)
      const third = await app.inject({ url, headers: { 'if-none-match': `"other", ${tag}` } })
      assert.equal(third.statusCode, 304)
      assert.equal(third.body, '')
      assert.equal(third.headers.etag, tag)
      assert.equal(third.headers['content-type'], undefined)
      assert.equal(third.headers.vary, 'Accept-Encoding')
    })

    it('compresses for clients that accept it', async (t) => {
      const { app, catalog } = await createInternalApp(t, fleet)
      const models = Array.from({ length: 30 }, (_, index) => ({ name: `model-${index}`, raw: {} }))
      catalog.update(endpoint(), models, 1_800_000_000_000)
      const plain = await app.inject(url)
      assert.equal(plain.headers.vary, 'Accept-Encoding')
      assert.equal(plain.headers['content-encoding'], undefined)
      const compressed = await app.inject({ url, headers: { 'accept-encoding': 'br;q=1, gzip;q=0.8' } })
      assert.equal(compressed.headers['content-encoding'], 'gzip')
      assert.equal(compressed.headers.vary, 'Accept-Encoding')
      assert.equal(compressed.headers['content-length'], String(compressed.rawPayload.length))
      assert.ok(compressed.rawPayload.length < plain.rawPayload.length)
      assert.equal(gunzipSync(compressed.rawPayload).toString(), plain.body)
      assert.equal(compressed.headers.etag, plain.headers.etag)
    })
  })
}

describe('the tag of /internal/status/endpoints', () => {
  it('changes with a status and with a request', async (t) => {
    const { app, registry } = await createInternalApp(t, fleet)
    const tag = async () => (await app.inject('/internal/status/endpoints')).headers.etag
    const before = await tag()
    registry.setStatus(0, 'healthy', 'answered')
    const healthy = await tag()
    await app.inject('/test/record')
    assert.equal(new Set([before, healthy, await tag()]).size, 3)
  })
})

describe('small answers', () => {
  it('are not compressed', async (t) => {
    const { app } = await createInternalApp(t, [])
    const response = await app.inject({
      url: '/internal/status/models',
      headers: { 'accept-encoding': 'gzip' },
    })
    assert.ok(response.rawPayload.length < 256)
    assert.equal(response.headers['content-encoding'], undefined)
  })
})

describe('a request', () => {
  it('is counted once in every view (contract 16.2, item 2)', async (t) => {
    const { app, catalog } = await createInternalApp(t, fleet)
    catalog.update(endpoint(), [{ name: 'm', raw: {} }], 1_800_000_000_000)
    await app.inject('/test/record')
    const status = (await app.inject('/internal/status')).json()
    assert.partialDeepStrictEqual(status.system, {
      total_requests: 1,
      total_failures: 0,
      total_traffic: '20 B',
    })
    assert.equal(status.endpoints[0].requests, 1)
    assert.equal((await app.inject('/internal/status/endpoints')).json().endpoints[0].request_count, 1)
    const stats = (await app.inject('/internal/stats/models')).json()
    assert.partialDeepStrictEqual(stats.models[0], { name: 'm', total_requests: 1, total_traffic: '20 B' })
  })
})

describe('the status routes under a prefix', () => {
  it('work there', async (t) => {
    const { app } = await createInternalApp(t, fleet, { prefix: '/gw' })
    assert.equal((await app.inject('/gw/internal/status')).statusCode, 200)
    assert.equal((await app.inject('/internal/status')).statusCode, 404)
  })
})
