import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, it } from 'node:test'
import { httpClients } from '../../../src/http/client/contract.ts'
import { postChat, startGateway } from '../../support/gateway.ts'
import { jsonAnswer, startRawUpstream } from '../../support/raw-upstream.ts'

const channels = {
  own: 'olla-gateway:http-client:request:create',
  undici: 'undici:request:create',
} as const

describe('proxy.http_client', () => {
  for (const client of httpClients) {
    it(`can be ${client}, serves requests, and appears in the configuration`, async (t) => {
      const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{"ok":true}')))
      const carriers: string[] = []
      for (const [name, channel] of Object.entries(channels)) {
        const listener = (message: unknown) => {
          const { request } = message as { request: { origin: string; method: string } }
          if (request.origin === upstream.url && request.method === 'POST') carriers.push(name)
        }
        subscribe(channel, listener)
        t.after(() => unsubscribe(channel, listener))
      }
      const gateway = await startGateway(
        t,
        [{ url: upstream.url }],
        { proxy: { http_client: client } },
        // What another thread publishes is not seen here.
        { threads: 1 },
      )
      assert.deepEqual(await (await postChat(gateway.url)).json(), { ok: true })
      assert.deepEqual(carriers, [client])
      const view = (await (await fetch(`${gateway.url}/internal/config`)).json()) as {
        values: { proxy: { http_client: string } }
      }
      assert.equal(view.values.proxy.http_client, client)
    })
  }
})
