/** `/internal/openapi.json`: all routes, as a file of the package describes them. Depends on nothing. */
import { readFileSync } from 'node:fs'
import fp from 'fastify-plugin'
import { openApiFile } from '../../src/kernel/package.ts'

export interface OpenApiOptions {
  /** The document's file. Default the package's. */
  readonly file?: string
}

export default fp<OpenApiOptions>(
  function openApi(app, { file = openApiFile }, done) {
    // Read on first use: few ask, and it has a hundred kilobytes.
    let document: string | undefined
    const prefix = app.prefix
    app.get('/internal/openapi.json', { config: { internalAccess: 'gated' } }, (_request, reply) => {
      document ??= readFileSync(file, 'utf8').replace('"url": "/"', `"url": ${JSON.stringify(prefix || '/')}`)
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
