/** Sources of endpoints that accept connections and say nothing, beside sources that work. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { postChat, startGateway } from '../support/gateway.ts'
import { startNameServer } from '../support/name-server.ts'
import { startSilentRelay } from '../support/silent-relay.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

describe('sources that say nothing', () => {
  it('do not delay the others, are shown as failing, and do not hold up the stop', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'silent-sources-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const docker = join(folder, 'docker.sock')
    const [kubernetes, host] = [await silent(t), await silent(t)]
    await silent(t, docker)
    const names = await startNameServer(t, [])
    names.isSilent = true
    const kind = 'openai-compatible'
    const scanned = await withSimulator(t, { kind, name: 'scanned', models: ['s'] })
    const listed = await withSimulator(t, { kind, name: 'listed', models: ['l'] })
    writeFileSync(join(folder, 'fleet.json'), JSON.stringify([{ name: 'listed', url: listed.url }]))
    const port = (url: string) => new URL(url).port
    const providers = [
      { type: 'docker', socket: docker },
      {
        type: 'kubernetes',
        api_server: `http://127.0.0.1:${kubernetes.port}`,
        namespace: 'models',
        service: 'vllm',
      },
      { type: 'dns', names: ['gpu.test'], port: 8000, servers: [names.address] },
      { type: 'scan', hosts: [`127.0.0.1:${host.port},${port(scanned.url)}`], interval: '1s' },
      { type: 'file', path: folder, interval: '1s' },
      // An address that no interface of this machine has.
      { type: 'mdns', interface: '203.0.113.1', in_container: true },
    ]
    const gateway = await startGateway(t, [], { discovery: { providers } }, { awaitRoutable: 2 })
    for (const model of ['s', 'l']) {
      const response = await postChat(gateway.url, { model })
      assert.equal(response.status, 200, await response.text())
    }
    const states = async () => {
      const response = await fetch(`${gateway.url}/internal/admin/discovery`)
      const body = (await response.json()) as {
        providers: { name: string; state: string; reason: string | null }[]
      }
      return Object.fromEntries(body.providers.map(({ name, state, reason }) => [name, [state, reason]]))
    }
    const wanted = {
      docker: ['failing', 'no answer: ETIMEDOUT'],
      kubernetes: ['failing', 'no answer: ETIMEDOUT'],
      dns: ['failing', 'gpu.test: ETIMEOUT'],
      scan: ['ok', null],
      file: ['ok', null],
      mdns: ['unavailable', 'no multicast here: ENODEV'],
    }
    let seen: unknown
    await eventually(
      async () => {
        seen = await states()
        return isDeepStrictEqual(seen, wanted)
      },
      { timeoutMs: 60_000 },
    ).catch(() => assert.deepEqual(seen, wanted))
    assert.equal((await gateway.status()).length, 2)
    await gateway.close()
    await eventually(() => kubernetes.open.size === 0 && host.open.size === 0)
  })
})

async function silent(t: TestContext, path?: string) {
  const relay = await startSilentRelay(t, 9, path)
  relay.silence()
  return relay
}
