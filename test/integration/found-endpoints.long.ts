/** Endpoints that providers find, while requests run. */
import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

interface Discovery {
  readonly providers: readonly {
    readonly name: string
    readonly state: string
    readonly reason: string | null
  }[]
  readonly endpoints: readonly {
    readonly name: string
    readonly state: string
    readonly problem: string | null
  }[]
}

const changes = { method: 'POST', headers: { 'x-olla-gateway': '1' } }

function folderOf(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'found-endpoints-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return {
    folder,
    write(entries: readonly object[]) {
      writeFileSync(join(folder, 'next.tmp'), JSON.stringify(entries))
      renameSync(join(folder, 'next.tmp'), join(folder, 'fleet.json'))
    },
  }
}

const server = (t: TestContext, name: string, models: readonly string[]) =>
  withSimulator(t, { name, kind: 'vllm', models })

async function gatewayWith(
  t: TestContext,
  providers: readonly object[],
  proxy: Record<string, unknown> = {},
) {
  const fixed = await server(t, 'fixed', ['m'])
  const gateway = await startGateway(t, [{ url: fixed.url, name: 'fixed', type: 'vllm' }], {
    proxy,
    discovery: { providers },
  })
  const discovery = async () =>
    (await (await fetch(`${gateway.url}/internal/admin/discovery`)).json()) as Discovery
  const names = async () => (await gateway.status()).map(({ name }) => name).sort()
  const shows = (...expected: string[]) =>
    eventually(async () => JSON.stringify(await names()) === JSON.stringify(expected))
  return { gateway, fixed, discovery, shows }
}

for (const engine of engines) {
  describe(`endpoints of a folder with ${engine}`, () => {
    const proxy = engineOf(engine)

    it('serve beside those of the configuration, and leave when their file no longer lists them', async (t) => {
      const { folder, write } = folderOf(t)
      const one = await server(t, 'one', ['one'])
      const { gateway, shows } = await gatewayWith(t, [{ type: 'file', path: folder }], proxy)
      write([{ url: one.url, name: 'one', type: 'vllm' }])
      await shows('fixed', 'one')
      const answer = await postChat(gateway.url, { model: 'one' })
      assert.equal(answer.headers.get('x-olla-endpoint'), 'one')
      await answer.text()
      write([])
      await shows('fixed')
      assert.equal((await postChat(gateway.url, { model: 'one' })).status, 404)
    })

    it('come and go without a failed request', async (t) => {
      const { folder, write } = folderOf(t)
      const servers = await Promise.all(['a', 'b', 'c'].map((name) => server(t, name, ['m'])))
      const { gateway, shows } = await gatewayWith(t, [{ type: 'file', path: folder }], proxy)
      let isOver = false
      const failed: number[] = []
      const load = Promise.all(
        [1, 2, 3].map(async () => {
          while (!isOver) {
            const answer = await postChat(gateway.url)
            await answer.text()
            if (answer.status !== 200) failed.push(answer.status)
          }
        }),
      )
      for (const listed of [[0, 1], [2], [], [0, 1, 2]]) {
        const present = listed.flatMap((at) => servers[at] ?? [])
        write(present.map(({ url }, at) => ({ url, name: `box-${listed[at]}`, type: 'vllm' })))
        await shows(...listed.map((at) => `box-${at}`), 'fixed')
      }
      isOver = true
      await load
      assert.deepEqual(failed, [])
    })
  })
}

describe('found endpoints', () => {
  it('get what the template says, unless their source says otherwise', async (t) => {
    const { folder, write } = folderOf(t)
    const one = await server(t, 'one', ['one'])
    const template = { type: 'vllm', headers: { 'x-site': 'lab' }, priority: 7 }
    const { gateway, shows } = await gatewayWith(t, [{ type: 'file', path: folder, template }])
    write([{ url: one.url, name: 'one', priority: 9 }])
    await shows('fixed', 'one')
    await (await postChat(gateway.url, { model: 'one' })).text()
    const chat = one.control.requests().find(({ method }) => method === 'POST')
    assert.equal(chat?.header('x-site'), 'lab')
  })

  it('with settings that are not valid are shown with the reason, and the others serve', async (t) => {
    const { folder, write } = folderOf(t)
    const one = await server(t, 'one', ['one'])
    const { shows, discovery } = await gatewayWith(t, [{ type: 'file', path: folder }])
    write([
      { url: one.url, name: 'one', type: 'vllm' },
      { url: 'http://127.0.0.1:9', name: 'bad', type: 'vlm' },
      { url: 'http://127.0.0.1:10', name: 'odd', weight: 'heavy' },
    ])
    await shows('fixed', 'one')
    const { endpoints } = await discovery()
    const problems = Object.fromEntries(endpoints.map(({ name, problem }) => [name, problem]))
    assert.equal(problems.one, null)
    assert.match(problems.bad ?? '', /type: .*did you mean "vllm"/)
    assert.match(problems.odd ?? '', /^weight: /)
  })

  it('stay through a reload, and one that the configuration then names is not served twice', async (t) => {
    const { folder, write } = folderOf(t)
    const one = await server(t, 'one', ['one'])
    const { gateway, fixed, shows, discovery } = await gatewayWith(t, [{ type: 'file', path: folder }])
    write([{ url: one.url, name: 'one', type: 'vllm' }])
    await shows('fixed', 'one')
    const entry = { url: fixed.url, name: 'fixed', type: 'vllm', weight: 3 }
    const sections = { discovery: { providers: [{ type: 'file', path: folder }] } }
    const result = await gateway.reload([entry], sections)
    assert.deepEqual(
      result.changes.map(({ key }) => key),
      ['discovery.static.endpoints[fixed].weight'],
    )
    await shows('fixed', 'one')
    await gateway.reload([entry, { url: one.url, name: 'listed', type: 'vllm' }], sections)
    await shows('fixed', 'listed')
    assert.equal((await discovery()).endpoints[0]?.state, 'duplicate')
  })

  it('wait for an approval if they need one', async (t) => {
    const { folder, write } = folderOf(t)
    const [one, two] = [await server(t, 'one', ['one']), await server(t, 'two', ['two'])]
    const provider = { type: 'file', path: folder, require_approval: true, approve: ['lab-*'] }
    const { gateway, shows, discovery } = await gatewayWith(t, [provider])
    write([
      { url: one.url, name: 'lab-1', type: 'vllm' },
      { url: two.url, name: 'guest', type: 'vllm' },
    ])
    await shows('fixed', 'lab-1')
    assert.equal((await discovery()).endpoints.find(({ name }) => name === 'guest')?.state, 'pending')
    const unknown = await fetch(`${gateway.url}/internal/admin/discovery/nothing/approve`, changes)
    assert.equal(unknown.status, 404)
    const approved = await fetch(`${gateway.url}/internal/admin/discovery/guest/approve`, changes)
    assert.deepEqual(await approved.json(), { endpoint: 'guest', approved: true })
    await shows('fixed', 'guest', 'lab-1')
  })

  it('stay while their source fails, which state, event and reason show', async (t) => {
    const { folder, write } = folderOf(t)
    const one = await server(t, 'one', ['one'])
    const { gateway, shows, discovery } = await gatewayWith(t, [
      { type: 'file', path: folder, interval: '1s' },
    ])
    write([{ url: one.url, name: 'one', type: 'vllm' }])
    await shows('fixed', 'one')
    writeFileSync(join(folder, 'fleet.json'), '[{')
    await eventually(async () => (await discovery()).providers[0]?.state === 'failing')
    assert.match((await discovery()).providers[0]?.reason ?? '', /^fleet\.json: /)
    const refreshed = await fetch(`${gateway.url}/internal/admin/discovery/refresh`, changes)
    assert.deepEqual(await refreshed.json(), { refreshing: true })
    await shows('fixed', 'one')
    write([])
    await shows('fixed')
    assert.equal((await discovery()).providers[0]?.state, 'ok')
  })

  it('of several sources are one if they are the same server', async (t) => {
    const { folder, write } = folderOf(t)
    const one = await server(t, 'one', ['one'])
    const { host, hostname, port } = new URL(one.url)
    const scan = { type: 'scan', hosts: [host], interval: '1s' }
    const dns = { type: 'dns', names: ['found.invalid'], port: 80 }
    const { shows, discovery } = await gatewayWith(t, [{ type: 'file', path: folder }, scan, dns])
    await shows(`${hostname}:${port}`, 'fixed')
    write([{ url: one.url, name: 'one', type: 'vllm' }])
    await shows('fixed', 'one')
    const { providers, endpoints } = await discovery()
    assert.deepEqual(
      endpoints.map(({ name, state }) => `${name} ${state}`),
      ['one active', `${hostname}:${port} duplicate`],
    )
    assert.equal(providers.find(({ name }) => name === 'dns')?.state, 'failing')
  })
})
