// An app that proxies with @fastify/reply-from and passes it the bytes of the body.
//   node bare-reply-from.js http://127.0.0.1:PORT
import replyFrom from '@fastify/reply-from'
import Fastify from 'fastify'

const [base] = process.argv.slice(2)
if (base === undefined) throw new Error('usage: bare-reply-from.ts ORIGIN')

const app = Fastify({ bodyLimit: 104_857_600 })
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body))
await app.register(replyFrom, {
  base,
  undici: { connections: null, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 },
  disableRequestLogging: true,
})
app.post('/*', (request, reply) =>
  reply.from(undefined, { body: request.body, contentType: request.headers['content-type'] ?? '' }),
)
process.on('SIGTERM', () => process.exit(0))
console.log(`listening on ${await app.listen({ host: '127.0.0.1', port: 0 })}`)
