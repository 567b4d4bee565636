import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { floods } from './corpus/floods.ts'
import { startProcess } from './support/gateway-process.ts'
import { residentBytes } from './support/readings.ts'

const mib = 1_048_576
/** Where a flood ends that is not refused. */
const floodBytes = 160 * mib

describe('endless answers', { skip: process.platform !== 'linux' }, () => {
  for (const isStream of [true, false]) {
    it(`are not buffered, for ${isStream ? 'a streaming' : 'a non-streaming'} client`, async (t) => {
      let index = 0
      let sent = 0
      const pour = async (response: ServerResponse) => {
        const event = floods[index]?.event ?? assert.fail()
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (let at = 0; sent < floodBytes && !response.destroyed; at += 64) {
          const text = Array.from({ length: 64 }, (_, more) => event(at + more)).join('')
          sent += text.length
          if (!response.write(text)) await Promise.race([once(response, 'drain'), once(response, 'close')])
        }
        response.end()
      }
      const server = createServer((request, response) => {
        if (request.method === 'GET')
          response.setHeader('content-type', 'application/json').end('{"object":"list","data":[{"id":"m"}]}')
        else request.resume().on('end', () => void pour(response))
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.after(() => {
        server.closeAllConnections()
        server.close()
      })
      const { port } = server.address() as AddressInfo
      const more = 'proxy: { max_retries: 0, circuit_breaker: { enabled: false } }'
      const { url, child } = await startProcess(t, `http://127.0.0.1:${port}`, { more })
      const body = JSON.stringify({
        model: 'm',
        max_tokens: 9,
        stream: isStream,
        messages: [{ role: 'user', content: 'x' }],
      })
      for (const [at, { name }] of floods.entries()) {
        index = at
        sent = 0
        let got = 0
        let most = 0
        const before = residentBytes(child.pid ?? 0)
        const look = setInterval(() => {
          most = Math.max(most, residentBytes(child.pid ?? 0) - before)
        }, 20)
        try {
          const headers = { 'content-type': 'application/json' }
          const response = await fetch(`${url}/olla/anthropic/v1/messages`, { method: 'POST', headers, body })
          for await (const chunk of response.body ?? []) got += chunk.length
        } catch {
          // Cut, which is one right end.
        }
        clearInterval(look)
        t.diagnostic(`${name}: ${sent >> 20} MiB sent, ${got >> 20} MiB got, ${most >> 20} MiB more at most`)
        assert.ok(sent > 0, `${name} was never asked for`)
        assert.equal(child.exitCode, null)
        assert.equal((await fetch(`${url}/internal/health`)).status, 200)
        assert.ok(most < 200 * mib, `${name}: ${most >> 20} MiB`)
      }
    })
  }
})
