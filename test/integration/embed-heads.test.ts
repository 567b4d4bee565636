import assert from 'node:assert/strict'
import type { Server } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import Fastify, { type FastifyHttpOptions } from 'fastify'
import gateway, { parseConfig } from '../../src/index.ts'
import { hostServers } from '../support/host-servers.ts'
import { exchangeRaw } from '../support/raw-client.ts'

/** A host with a route of its own beside the gateway's. */
async function start(t: TestContext, options: FastifyHttpOptions<Server>): Promise<number> {
  const app = Fastify(options)
  t.after(() => app.close())
  app.get('/own', () => 'own')
  app.post('/own', () => 'own')
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume().on('end', () => done(null))
  })
  await app.register(gateway, { prefix: '/llm', config: parseConfig({}) })
  return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
}

const lines = 'Host: localhost\r\nConnection: close\r\n'

/** [what, the bytes for a path, the gateway's status] */
const requests: ReadonlyArray<readonly [string, (path: string) => string, number]> = [
  ['HTTP/2.0', (path) => `GET ${path} HTTP/2.0\r\n${lines}\r\n`, 505],
  ['RTSP', (path) => `GET ${path} RTSP/1.0\r\n${lines}\r\n`, 505],
  ['two hosts', (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`, 400],
  ['a fragment', (path) => `GET ${path}?#x HTTP/1.1\r\n${lines}\r\n`, 400],
  [
    'another coding',
    (path) => `POST ${path} HTTP/1.1\r\n${lines}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    501,
  ],
]

for (const [server, options] of hostServers)
  describe(`heads in a host app, on ${server}`, () => {
    for (const [what, bytesFor, status] of requests) {
      it(`are refused on the gateway's routes only: ${what}`, async (t) => {
        const port = await start(t, options())
        const { text } = await exchangeRaw(port, bytesFor('/llm/v1/models'))
        assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `))
        assert.match((await exchangeRaw(port, bytesFor('/own'))).text, /^HTTP\/1\.1 200 /)
      })
    }
  })
