/**
 * Handles cross-origin requests of browsers (contract 9.3), on @fastify/cors, for every route of the gateway. An
 * OPTIONS request that is no preflight is routed like any other.
 */
import fastifyCors, { type FastifyCorsOptions } from '@fastify/cors'
import fp from 'fastify-plugin'
import { exposedHeaders } from '../../src/admin/security/exposed-headers.ts'
import { OriginList } from '../../src/admin/security/origins.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'

/** Reads `server.cors`, except `enabled`. */
export type CorsOptions = Sections<'server'>

export default fp<CorsOptions>(
  async function cors(app, options) {
    const { cors } = readSections(options, ['server']).server
    const origins = new OriginList(cors.allowedOrigins)
    const common: FastifyCorsOptions = {
      // Without an origin, the headers are set as with one.
      origin: (origin, choose) => choose(null, origin === undefined || origins.has(origin)),
      methods: [...cors.allowedMethods],
      // If absent, the headers that a preflight requests are allowed.
      ...(cors.allowedHeaders.includes('*') ? {} : { allowedHeaders: [...cors.allowedHeaders] }),
      exposedHeaders: cors.exposedHeaders.length > 0 ? [...cors.exposedHeaders] : [...exposedHeaders],
      credentials: cors.allowCredentials,
      maxAge: cors.maxAgeSeconds,
      optionsSuccessStatus: 200,
    }
    const preflight = { ...common, preflight: true }
    const ordinary = { ...common, preflight: false }
    await app.register(fastifyCors, {
      delegator: (request, choose) =>
        choose(null, request.headers['access-control-request-method'] === undefined ? ordinary : preflight),
    })
  },
  { name: 'gateway-cors', fastify: '5.x' },
)
