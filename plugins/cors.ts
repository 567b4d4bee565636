/**
 * Cross-origin requests of browsers (contract 9.3), on @fastify/cors, for every route of the gateway. An
 * OPTIONS request that is no preflight goes on like any other.
 */
import fastifyCors, { type FastifyCorsOptions } from '@fastify/cors'
import fp from 'fastify-plugin'

export interface CorsOptions {
  /** `*` allows all. */
  readonly allowedOrigins: readonly string[]
  readonly allowedMethods: readonly string[]
  /** `*` allows what is asked for. */
  readonly allowedHeaders: readonly string[]
  /** Empty: all that the gateway sets. */
  readonly exposedHeaders: readonly string[]
  readonly allowCredentials: boolean
  readonly maxAgeSeconds: number
}

const exposedByDefault = [
  'X-Olla-Request-ID',
  'X-Olla-Endpoint',
  'X-Olla-Backend-Type',
  'X-Olla-Model',
  'X-Olla-Response-Time',
  'X-Olla-Routing-Strategy',
  'X-Olla-Routing-Decision',
  'X-Olla-Routing-Reason',
  'X-Olla-Mode',
  'X-Olla-Sticky-Session',
  'X-Olla-Sticky-Key-Source',
  'X-Olla-Sticky-Depth',
  'X-Olla-Sticky-Reason',
  'X-Olla-Session-ID',
  'X-Olla-Attempts',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'Retry-After',
]

export default fp<CorsOptions>(
  async function cors(app, options) {
    const common: FastifyCorsOptions = {
      origin: options.allowedOrigins.includes('*') ? true : [...options.allowedOrigins],
      methods: [...options.allowedMethods],
      // Absent: the headers that a preflight asks for are allowed.
      ...(options.allowedHeaders.includes('*') ? {} : { allowedHeaders: [...options.allowedHeaders] }),
      exposedHeaders: options.exposedHeaders.length > 0 ? [...options.exposedHeaders] : exposedByDefault,
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
