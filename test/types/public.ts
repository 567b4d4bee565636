// The public types as a consumer sees them: compiled, never run. Every `@ts-expect-error` is a mistake that the
// compiler has to find.
import { expectTypeOf } from 'expect-type'
import Fastify, { type FastifyInstance } from 'fastify'
import gateway, {
  ConfigError,
  type EndpointConfig,
  type EndpointSelector,
  errorTable,
  type GatewayConfig,
  GatewayError,
  type GatewayEvent,
  type GatewayOptions,
  parseConfig,
} from 'olla-gateway'
import { httpServerOptions, type OllaHttpServerOptions, ollaHttpServer } from 'olla-gateway/http-server'
import callers from 'olla-gateway/plugins/callers'
import circuitBreaker from 'olla-gateway/plugins/circuit-breaker'
import events from 'olla-gateway/plugins/events'
import healthChecker from 'olla-gateway/plugins/health-checker'
import proxyEngine from 'olla-gateway/plugins/proxy-engine'
import security from 'olla-gateway/plugins/security'

const app = Fastify()
const config = parseConfig({ discovery: { static: { endpoints: [{ url: 'http://localhost:1' }] } } })

expectTypeOf(config).toEqualTypeOf<GatewayConfig>()
expectTypeOf(config.server.port).toEqualTypeOf<number>()
expectTypeOf(config.proxy.engine).toEqualTypeOf<'olla' | 'sherpa'>()
expectTypeOf<GatewayConfig['discovery']['static']['endpoints'][number]>().toEqualTypeOf<EndpointConfig>()

app.register(gateway, { config, prefix: '/llm' })
const options: GatewayOptions = { config }
app.register(gateway, options)

// @ts-expect-error the configuration is not optional
app.register(gateway, {})
// @ts-expect-error an object that was not checked is no configuration
app.register(gateway, { config: { server: { port: 1 } } })
// @ts-expect-error unknown options are found
app.register(gateway, { config, port: 1 })
// @ts-expect-error configurations are read by name
config.server.prot

const onOwnServer = Fastify({ serverFactory: ollaHttpServer(httpServerOptions(config)) })
expectTypeOf(onOwnServer).toExtend<FastifyInstance>()
const serverOptions: OllaHttpServerOptions = { keepAliveTimeoutMs: 5_000, maxConnections: 100 }
Fastify({ serverFactory: ollaHttpServer(serverOptions) })
// @ts-expect-error units are in the names
ollaHttpServer({ keepAliveTimeout: 5_000 })

app.register(events)
app.register(circuitBreaker, { discovery: config.discovery, proxy: config.proxy })
app.register(healthChecker, {})
app.register(proxyEngine, { proxy: config.proxy })
app.register(callers, { callers: { store: 'callers.db' }, admin: true })
app.register(security, { server: { request_limits: { max_body_size: '1MB' } } })
expectTypeOf(app.circuitBreakers.get).parameters.toEqualTypeOf<[slot: number]>()
// @ts-expect-error unknown options of single plugins are found too
app.register(circuitBreaker, { threshold: 3 })

const selector: EndpointSelector = { strategy: 'first', select: (candidates) => candidates[0] }
expectTypeOf(selector.strategy).toEqualTypeOf<string>()
// @ts-expect-error a selector has a name
const nameless: EndpointSelector = { select: () => undefined }
void nameless

declare const event: GatewayEvent
if (event.type === 'endpoint.status') {
  expectTypeOf(event.data.endpoint).toEqualTypeOf<string>()
  // @ts-expect-error data is that of the event's type
  event.data.requestId
}

const error = new GatewayError('model_not_found')
expectTypeOf(error.statusCode).toEqualTypeOf<number>()
// @ts-expect-error only codes of the table
new GatewayError('nothing_like_it')
expectTypeOf(errorTable.rate_limited.status).toEqualTypeOf<429>()
expectTypeOf(new ConfigError([])).toExtend<Error>()

/** What single plugins decorate is declared on the instance; the host's own declarations stand beside it. */
declare module 'fastify' {
  interface FastifyInstance {
    hostThing: { readonly own: true }
  }
}
expectTypeOf<FastifyInstance['hostThing']>().toEqualTypeOf<{ readonly own: true }>()
