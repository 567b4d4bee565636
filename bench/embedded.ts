// The gateway in another Fastify app, with the configuration and the request lines of the standalone one.
//   node embedded.js CONFIG [node|own]
import Fastify from 'fastify'
import pino from 'pino'
import { httpServerOptions, ollaHttpServer } from '../src/http-server.ts'
import gateway, { loadConfig } from '../src/index.ts'

const [file, server = 'node'] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: embedded.ts CONFIG [node|own]')
const { config } = loadConfig({ file, env: {}, cwd: process.cwd(), knownTypes: ['vllm'] })
const logger = pino({ base: null }, pino.destination({ dest: 1, sync: false, minLength: 4096 }))
const app = Fastify({
  loggerInstance: logger,
  disableRequestLogging: true,
  ...(server === 'own' ? { serverFactory: ollaHttpServer(httpServerOptions(config)) } : {}),
})
app.get('/own', () => ({ ok: true }))
await app.register(gateway, { config })
process.on('SIGTERM', () => process.exit(0))
process.stdout.write(`listening on ${await app.listen({ host: '127.0.0.1', port: 0 })}\n`)
