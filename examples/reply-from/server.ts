// An app that keeps its own @fastify/reply-from: the gateway's health checker probes the upstreams and opens the
// circuits of those that fail. reply-from carries one attempt; if it fails, the next upstream gets the same request.
import replyFrom from '@fastify/reply-from'
import Fastify, { type FastifyReply } from 'fastify'
import { parseConfig } from 'olla-gateway'
import healthChecker from 'olla-gateway/plugins/health-checker'

const url = process.env.ENDPOINT_URL ?? 'http://localhost:11434'
const rentedUrl = process.env.RENTED_URL ?? 'http://localhost:8000'
const { discovery, proxy } = parseConfig({
  discovery: {
    static: {
      endpoints: [
        { name: 'own-box', url, type: 'ollama', priority: 200 },
        { name: 'rented', url: rentedUrl, type: 'vllm', priority: 100 },
      ],
    },
  },
})

const app = Fastify({ logger: true, bodyLimit: 50 * 1024 * 1024 })
await app.register(healthChecker, { discovery, proxy })
await app.register(replyFrom, {
  // Long generations outlive undici's limits of 300 s, and reply-from does not verify certificates by default.
  undici: { headersTimeout: 0, bodyTimeout: 0, connect: { rejectUnauthorized: true } },
  destroyAgent: true,
})

const endpoints = app.endpointRegistry.snapshot.endpoints.toSorted((a, b) => b.priority - a.priority)
const failoverStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504])

// Forward the client's bytes: a parsed body would be serialized again for every attempt.
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
app.post('/v1/*', (_request, reply) => forward(reply, new Set()))

/** @param tried slots of the endpoints that have failed this request */
function forward(reply: FastifyReply, tried: Set<number>): FastifyReply {
  const endpoint = endpoints.find(({ slot }) => !tried.has(slot) && app.endpointRegistry.isRoutable(slot))
  if (endpoint === undefined) return reply.code(503).send({ error: 'no upstream is available' })
  tried.add(endpoint.slot)
  const breaker = app.circuitBreakers.get(endpoint.slot)
  const permit = breaker.acquire()
  if (permit === 'refused') return forward(reply, tried)
  const moveOn = (reason: string) => {
    breaker.fail(permit, reason)
    forward(reply, tried)
  }
  return reply.from(reply.request.url, {
    getUpstream: () => endpoint.origin,
    body: reply.request.body ?? null,
    contentType: reply.request.headers['content-type'] ?? 'application/octet-stream',
    // A retry of reply-from would go to the same upstream.
    retryDelay: () => null,
    onResponse(_request, _reply, { statusCode, stream }) {
      if (failoverStatuses.has(statusCode)) {
        // reply-from has copied the headers of this answer already.
        for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name)
        stream.on('error', () => {}).resume()
        moveOn(`status ${statusCode}`)
        return
      }
      breaker.succeed(permit)
      reply.header('x-served-by', endpoint.name).send(stream)
    },
    onError: (_reply, { error }) => moveOn(error.message),
  })
}

await app.listen({ port: Number(process.env.PORT ?? 3000) })
