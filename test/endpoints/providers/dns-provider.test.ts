import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import {
  DnsProvider,
  type DnsProviderOptions,
  type NameServer,
} from '../../../src/endpoints/providers/dns-provider.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { recordReports } from './reports.ts'

type Answer<T> = readonly T[] | string

/** Answers with records, or rejects with a code. */
function scripted(answers: {
  a?: () => Answer<{ address: string; ttl: number }>
  srv?: () => Answer<{ name: string; port: number; priority: number; weight: number }>
}) {
  let lookUps = 0
  const answer = async <T>(script: (() => Answer<T>) | undefined): Promise<T[]> => {
    lookUps++
    const value = script?.() ?? 'ENOTFOUND'
    if (typeof value === 'string') throw Object.assign(new Error(value), { code: value })
    return [...value]
  }
  const server: NameServer = {
    resolve4: () => answer(answers.a),
    resolve6: () => answer(answers.a),
    resolveSrv: () => answer(answers.srv),
  }
  return { server, lookUps: () => lookUps }
}

function start(t: TestContext, server: NameServer, options: Partial<DnsProviderOptions> = {}) {
  const clock = new FakeClock()
  const recorded = recordReports()
  const provider = new DnsProvider({
    names: ['gpu.test'],
    record: 'A',
    port: 8000,
    scheme: 'http',
    intervalMs: 30_000,
    server,
    clock,
    random: () => 0,
    ...options,
  })
  provider.start(recorded.reports)
  t.after(() => provider.stop())
  return { clock, provider, ...recorded }
}

const record = (address: string, ttl = 5) => ({ address, ttl })

describe('endpoints by DNS', () => {
  it('follow the addresses of a name, by their time to live', async (t) => {
    let addresses = [record('10.0.0.1'), record('10.0.0.2', 60)]
    const { server, lookUps } = scripted({ a: () => addresses })
    const { clock, urls } = start(t, server)
    await clock.advance(0)
    assert.deepEqual(urls(), ['http://10.0.0.1:8000', 'http://10.0.0.2:8000'])
    addresses = [record('10.0.0.3')]
    await clock.advance(4_999)
    assert.equal(lookUps(), 1)
    await clock.advance(1)
    assert.deepEqual(urls(), ['http://10.0.0.3:8000'])
  })

  for (const [ttl, perMinute] of [
    [0, 60],
    [1, 60],
    [10, 6],
    [86_400, 2],
  ] as const)
    it(`with a time to live of ${ttl} s are looked up ${perMinute} times a minute`, async (t) => {
      const { server, lookUps } = scripted({ a: () => [record('10.0.0.1', ttl)] })
      const { clock } = start(t, server)
      await clock.advance(59_999)
      assert.equal(lookUps(), perMinute)
    })

  it('have brackets if they are of IPv6', async (t) => {
    const { server } = scripted({ a: () => [record('fd00::1')] })
    const { clock, urls } = start(t, server, { record: 'AAAA' })
    await clock.advance(0)
    assert.deepEqual(urls(), ['http://[fd00::1]:8000'])
  })

  for (const code of ['ENOTFOUND', 'ESERVFAIL', 'ETIMEOUT', 'EREFUSED', 'ECONNREFUSED'])
    it(`keep the last answer at ${code}, with fewer look-ups`, async (t) => {
      let isAway = false
      const { server, lookUps } = scripted({ a: () => (isAway ? code : [record('10.0.0.1', 1)]) })
      const { clock, found, urls, failures } = start(t, server)
      await clock.advance(0)
      isAway = true
      const before = lookUps()
      await clock.advance(120_000)
      assert.deepEqual(urls(), ['http://10.0.0.1:8000'])
      assert.equal(found.length, 1)
      assert.equal(failures[0], `gpu.test: ${code}`)
      assert.ok(lookUps() - before <= 10, `${lookUps() - before} look-ups`)
      isAway = false
      await clock.advance(30_000)
      assert.ok(found.length > 1)
    })

  it('leave after three answers without records', async (t) => {
    let isEmpty = false
    const { server } = scripted({ a: () => (isEmpty ? 'ENODATA' : [record('10.0.0.1', 1)]) })
    const { clock, urls } = start(t, server)
    await clock.advance(0)
    isEmpty = true
    await clock.advance(1_000)
    assert.equal(urls()?.length, 1)
    await clock.advance(1_000)
    assert.equal(urls()?.length, 1)
    await clock.advance(2_000)
    assert.deepEqual(urls(), [])
  })

  it('of SRV records have ports, weights and the order of their priorities', async (t) => {
    const { server } = scripted({
      srv: () => [
        { name: 'a.test', port: 8000, priority: 10, weight: 5 },
        { name: 'b.test.', port: 8001, priority: 20, weight: 0 },
      ],
      a: () => [record('10.0.0.1', 7)],
    })
    const { clock, found, urls } = start(t, server, { record: 'SRV', names: ['_ollama._tcp.test'] })
    await clock.advance(0)
    assert.deepEqual(urls(), ['http://a.test:8000', 'http://b.test:8001'])
    assert.deepEqual(
      found[0]?.map(({ settings }) => settings),
      [{ priority: 110, weight: 5 }, { priority: 100 }],
    )
    await clock.advance(7_000)
    assert.equal(found.length, 2)
  })

  it('of one name stay while another fails', async (t) => {
    const server: NameServer = {
      ...scripted({}).server,
      resolve4: async (name) => {
        if (name === 'bad.test') throw Object.assign(new Error(), { code: 'ESERVFAIL' })
        return [record('10.0.0.1')]
      },
    }
    const { clock, urls, failures } = start(t, server, { names: ['bad.test', 'good.test'] })
    await clock.advance(0)
    assert.deepEqual(urls(), ['http://10.0.0.1:8000'])
    assert.deepEqual(failures, ['bad.test: ESERVFAIL'])
  })

  it('are looked up at once on request, but not more than once a second', async (t) => {
    const { server, lookUps } = scripted({ a: () => [record('10.0.0.1', 3_600)] })
    const { clock, provider } = start(t, server)
    await clock.advance(500)
    for (let call = 0; call < 10; call++) provider.refresh()
    await clock.advance(499)
    assert.equal(lookUps(), 1)
    await clock.advance(1)
    assert.equal(lookUps(), 2)
    provider.stop()
    await clock.advance(120_000)
    assert.equal(lookUps(), 2)
    assert.equal(clock.armed, 0)
  })
})
