import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type Delivered, digestOf, fieldsOf, keep } from './strict-capture.ts'

/** Node's own server and nothing else: what its parser reads. */
export async function startPlainNode(t: TestContext) {
  const requests = new Map<string, Delivered[]>()
  const server = createServer({ maxHeaderSize: 2_097_152 }, (request, response) => {
    const { method = '', url: target = '', rawHeaders, socket } = request
    const pairs: [string, string][] = []
    for (let at = 0; at < rawHeaders.length; at += 2)
      pairs.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? ''])
    const read = { method, target, fields: fieldsOf(pairs), body: undefined as string | undefined }
    keep(requests, socket.remoteAddress ?? '', read)
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('error', () => {})
    request.on('end', () => {
      read.body = digestOf(Buffer.concat(parts))
      response.setHeader('content-type', 'application/json')
      response.end('{"ok":true}')
    })
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, requests }
}
