/**
 * Cross-origin requests of browsers (contract 9.3), on @fastify/cors, for every route of the gateway. An
 * OPTIONS request that is no preflight goes on like any other.
 */
import fastifyCors, { type FastifyCorsOptions } from '@fastify/cors'
import fp from 'fastify-plugin'
import { exposedHeaders } from '../../src/admin/security/exposed-headers.ts'
import { OriginList } from '../../src/admin/security/origins.ts'

export interface CorsOptions {
  /** `*` allows all, and within an origin stands for any text. */
  readonly allowedOrigins: readonly string[]
  readonly allowedMethods: readonly string[]
  /** `*` allows what is asked for. */
  readonly allowedHeaders: readonly string[]
  /** Empty: all that the gateway sets. */
  readonly exposedHeaders: readonly string[]
  readonly allowCredentials: boolean
  readonly maxAgeSeconds: number
}

export default fp<CorsOptions>(
  async function cors(app, options) {
    const origins = new OriginList(options.allowedOrigins)
    const common: FastifyCorsOptions = {
      // Without an origin the headers are set as for one.
      origin: (origin, choose) => choose(null, origin === undefined || origins.has(origin)),
      methods: [...options.allowedMethods],
      // Absent: the headers that a preflight asks for are allowed.
      ...(options.allowedHeaders.includes('*') ? {} : { allowedHeaders: [...options.allowedHeaders] }),
      exposedHeaders: options.exposedHeaders.length > 0 ? [...options.exposedHeaders] : [...exposedHeaders],
      credentials: options.allowCredentials,
      maxAge: options.maxAgeSeconds,
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
