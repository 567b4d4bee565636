import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { localhostCertificatePath } from '../support/certificates.ts'
import { configFor, folder, listening, run } from '../support/command.ts'
import { jsonAnswer, type RawRequest } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'
import { connectToThreads } from '../support/thread-clients.ts'
import { startTlsUpstream } from '../support/tls-upstream.ts'

const good = ({ socket }: RawRequest) => void socket.write(jsonAnswer('{}'))

describe('the command in front of an https endpoint', () => {
  for (const threads of [1, 2]) {
    it(`trusts the issuers that NODE_EXTRA_CA_CERTS names, on ${threads === 1 ? 'its thread' : 'all threads'}`, async (t) => {
      const upstream = await startTlsUpstream(t, good)
      const cwd = await folder({ 'config.yaml': configFor(upstream.url, `, threads: ${threads}`) })
      const env = { NODE_EXTRA_CA_CERTS: localhostCertificatePath }
      const url = await listening(run(t, [], { cwd, env }))
      const clients = (await connectToThreads(t, url, { threads })).flat()
      assert.equal(clients.length, threads)
      for (const client of clients) {
        await eventually(async () => (await client.ask()).status === 200, {
          intervalMs: 50,
        })
      }
    })
  }

  it('marks it offline with a reason otherwise', async (t) => {
    const upstream = await startTlsUpstream(t, good)
    const cwd = await folder({ 'config.yaml': configFor(upstream.url) })
    const url = await listening(run(t, [], { cwd }))
    const status = async () => {
      const response = await fetch(`${url}/internal/status/endpoints`)
      const { endpoints } = (await response.json()) as { endpoints: { status: string; last_error: string }[] }
      return endpoints[0] ?? assert.fail()
    }
    await eventually(async () => (await status()).status === 'offline')
    assert.equal((await status()).last_error, 'TLS handshake failed')
  })
})
