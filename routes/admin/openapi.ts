/** `/internal/openapi.json`: the OpenAPI document of all routes, a file of the package. Depends on nothing. */
import { readFileSync } from 'node:fs'
import fp from 'fastify-plugin'
import { openApiFile } from '../../src/kernel/package.ts'

export interface OpenApiOptions {
  /** The document's file. Defaults to the package's. */
  readonly file?: string
}

const mountedAt = /"url": ?"\/"/

export default fp<OpenApiOptions>(
  function openApi(app, { file = openApiFile }, done) {
    // Read on first use: it is rarely requested and has 300 KB.
    let document: string | undefined
    const prefix = app.prefix
    app.get('/internal/openapi.json', { config: { internalAccess: 'gated' } }, (_request, reply) => {
      document ??= readFileSync(file, 'utf8').replace(mountedAt, `"url":${JSON.stringify(prefix || '/')}`)
      return reply.type('application/json; charset=utf-8').send(document)
    })
    done()
  },
  {
    name: 'gateway-routes-openapi',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-internal-access'],
  },
)
