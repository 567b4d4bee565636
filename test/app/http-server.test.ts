import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { serverFor } from '../../src/app/http-server.ts'
import { parseConfig } from '../../src/config/load.ts'
import { Http1Server } from '../../src/http/server/server.ts'

const created = (http_server: string) =>
  serverFor(
    parseConfig({
      server: { http_server, read_timeout: '5s', idle_timeout: '7s' },
      proxy: { read_timeout: '9s' },
    }),
    0,
  )(() => {})

describe('the listener', () => {
  for (const [kind, isOwn] of [
    ['own', true],
    ['node', false],
  ] as const) {
    it(`is the configured server, with the configured limits: ${kind}`, () => {
      const server = created(kind)
      assert.equal(server instanceof Http1Server, isOwn)
      assert.equal(server.keepAliveTimeout, 7_000)
      // Ten seconds by default, and never more than for the whole request.
      assert.equal(server.headersTimeout, 5_000)
      // It would end a large body that keeps arriving.
      assert.equal(server.requestTimeout, 0)
      if (server instanceof Http1Server) assert.deepEqual([server.bodyMs, server.stallMs], [5_000, 9_000])
      server.close()
    })
  }
})
