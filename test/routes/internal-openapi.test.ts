import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import internalOpenApi from '../../routes/admin/openapi.ts'
import { openApiFile } from '../../src/kernel/package.ts'

interface Operation {
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
}

interface OpenApi {
  readonly openapi: string
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

async function documentAt(prefix: string): Promise<OpenApi> {
  const app = Fastify()
  await app.register(
    async (scope) => {
      await scope.register(fp((_app, _options, done) => done(), { name: 'gateway-internal-access' }))
      await scope.register(internalOpenApi, { file: openApiFile })
    },
    { prefix },
  )
  const response = await app.inject(`${prefix}/internal/openapi.json`)
  assert.equal(response.headers['content-type'], 'application/json; charset=utf-8')
  await app.close()
  return response.json()
}

describe('/internal/openapi.json', () => {
  it('states where the gateway is mounted', async () => {
    assert.deepEqual((await documentAt('/llm')).servers, [{ url: '/llm' }])
    assert.deepEqual((await documentAt('')).servers, [{ url: '/' }])
  })

  it('describes every operation and declares every parameter of its path', async () => {
    const { openapi, paths } = await documentAt('')
    assert.match(openapi, /^3\.1\./)
    for (const [path, item] of Object.entries(paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      assert.notDeepEqual(Object.keys(item), [], path)
      for (const { summary, tags, parameters = [] } of Object.values(item)) {
        assert.ok(summary, path)
        assert.equal(tags?.length, 1, path)
        assert.deepEqual(
          parameters.filter((each) => each.in === 'path').map(({ name }) => name),
          named,
          path,
        )
      }
    }
  })
})
