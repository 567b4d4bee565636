import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { hasUnreadBody } from '../../../src/http/request/unread-body.ts'

describe('hasUnreadBody', () => {
  for (const [name, request, expected] of [
    ['a request without a body', 'GET / HTTP/1.1\r\nhost: x\r\n\r\n', false],
    ['an empty body', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n', false],
    ['a body that has not arrived', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n12345', true],
    ['chunks', 'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n', true],
  ] as const) {
    it(`is ${expected} for ${name}, when Node's server calls its handler`, async (t) => {
      const server = createServer()
      const seen: boolean[] = []
      server.on('request', (message, response) => {
        seen.push(message.complete, hasUnreadBody(message))
        response.end()
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.after(() => server.close())
      const address = server.address()
      assert.ok(typeof address === 'object' && address !== null)
      const socket = connect(address.port, '127.0.0.1')
      t.after(() => socket.destroy())
      socket.write(request)
      await once(socket, 'data')
      assert.deepEqual(seen, [false, expected])
    })
  }

  it('is false for a request that is complete', () => {
    assert.equal(hasUnreadBody({ complete: true, headers: { 'content-length': '9' } }), false)
  })
})
