import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import makeMulticast from 'multicast-dns'
import { MdnsProvider, type MulticastListener } from '../../../src/endpoints/providers/mdns/mdns-provider.ts'
import { openMulticast } from '../../../src/endpoints/providers/mdns/multicast-socket.ts'
import { type ServiceAnswer, ServiceRecords } from '../../../src/endpoints/providers/mdns/service-records.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { freePort } from '../../support/free-port.ts'
import { eventually } from '../../support/simulator.ts'
import { recordReports } from './reports.ts'

const rules = { services: ['_ollama._tcp', '_openai._tcp', '_http._tcp'], txtKey: 'llm' }

interface Announcement {
  readonly instance?: string
  readonly service?: string
  readonly host?: string
  readonly addresses?: readonly string[]
  readonly port?: number
  readonly txt?: readonly string[]
  readonly ttl?: number
}

function announce({
  instance = 'studio',
  service = '_ollama._tcp',
  host = 'studio.local',
  addresses = ['192.168.1.7'],
  port = 11434,
  txt = [],
  ttl = 120,
}: Announcement = {}): ServiceAnswer[] {
  const name = `${instance}.${service}.local`
  return [
    { type: 'PTR', name: `${service}.local`, ttl, data: name },
    { type: 'SRV', name, ttl, data: { target: host, port } },
    { type: 'TXT', name, ttl, data: txt },
    ...addresses.map(
      (data): ServiceAnswer => ({ type: data.includes(':') ? 'AAAA' : 'A', name: host, ttl, data }),
    ),
  ]
}

describe('records of multicast DNS', () => {
  const urlsOf = (...answers: ServiceAnswer[][]) => {
    const records = new ServiceRecords(rules)
    for (const each of answers) records.take(each, 0)
    return records.endpoints().map(({ url }) => url)
  }

  for (const [name, announcement, urls] of [
    ['give address and port', {}, ['http://192.168.1.7:11434']],
    ['prefer IPv4', { addresses: ['fd00::7', '10.0.0.7'] }, ['http://10.0.0.7:11434']],
    ['may be of IPv6', { addresses: ['fe80::1', 'fd00::7'] }, ['http://[fd00::7]:11434']],
    ['need an address that others can reach', { addresses: ['fe80::1'] }, []],
    ['need an address', { addresses: [] }, []],
    ['may have path and protocol', { txt: ['path=/api', 'scheme=https'] }, ['https://192.168.1.7:11434/api']],
    ['of web servers need the TXT key', { service: '_http._tcp' }, []],
    [
      'of web servers with the TXT key count',
      { service: '_http._tcp', txt: ['LLM=1'] },
      ['http://192.168.1.7:11434'],
    ],
    ['of other services do not count', { service: '_ipp._tcp' }, []],
    [
      'ignore a path that is none',
      { txt: ['path=//evil:1@x y'] },
      ['http://192.168.1.7:11434//evil:1@x%20y'],
    ],
  ] as const)
    it(name, () =>
      assert.deepEqual(
        urlsOf(announce(announcement)).map((url) => new URL(url).href.replace(/\/$/, '')),
        urls,
      ),
    )

  it('may arrive in any order and in several answers', () => {
    const answers = announce()
    assert.deepEqual(urlsOf(...answers.reverse().map((answer) => [answer])), ['http://192.168.1.7:11434'])
  })

  it('give name, type, weight and tags', () => {
    const records = new ServiceRecords(rules)
    records.take(
      announce({ instance: 'Ann’s Mac (2)', txt: ['type=lm-studio', 'weight=2', 'tags=home,mac'] }),
      0,
    )
    const [found] = records.endpoints()
    assert.equal(found?.name, 'Ann’s Mac (2)')
    assert.deepEqual(found.settings, { type: 'lm-studio', weight: 2, tags: ['home', 'mac'] })
  })

  it('expire, and a goodbye counts after a second', () => {
    const records = new ServiceRecords(rules)
    records.take(announce({ ttl: 120 }), 0)
    assert.equal(records.expire(0), 120_000)
    records.take(announce({ ttl: 0 }), 5_000)
    assert.equal(records.expire(5_000), 1_000)
    assert.equal(records.endpoints().length, 1)
    records.expire(6_000)
    assert.equal(records.endpoints().length, 0)
    assert.equal(records.expire(6_000), Number.POSITIVE_INFINITY)
  })

  it('are bounded, whatever a host announces', () => {
    const records = new ServiceRecords(rules)
    for (let at = 0; at < 3_000; at++) {
      records.take(
        announce({ instance: `i${at}`, host: `h${at}.local`, addresses: [`10.0.${at >> 8}.${at & 255}`] }),
        0,
      )
      records.take(
        announce({ instance: 'one', host: 'one.local', addresses: [`10.9.${at >> 8}.${at & 255}`] }),
        0,
      )
    }
    assert.ok(records.endpoints().length <= 1_000)
  })

  it('name what is missing', () => {
    const records = new ServiceRecords(rules)
    const [pointer, target] = announce()
    records.take(pointer === undefined ? [] : [pointer], 0)
    assert.deepEqual(
      records.missing().map(({ type }) => type),
      ['SRV', 'TXT'],
    )
    records.take(target === undefined ? [] : [target], 0)
    assert.deepEqual(records.missing(), [{ name: 'studio.local', type: 'A' }])
  })
})

describe('endpoints by multicast DNS', () => {
  function setUp(t: TestContext, opens: () => Promise<void> = async () => {}) {
    const clock = new FakeClock()
    const recorded = recordReports()
    const questions: string[] = []
    let listener: MulticastListener | undefined
    let closed = 0
    const provider = new MdnsProvider({
      ...rules,
      intervalMs: 30_000,
      clock,
      async open(given) {
        await opens()
        listener = given
        return {
          query: (asked) => questions.push(...asked.map(({ name, type }) => `${type} ${name}`)),
          close: () => closed++,
        }
      },
    })
    t.after(() => provider.stop())
    provider.start(recorded.reports)
    return {
      clock,
      provider,
      questions,
      answer: (records: ServiceAnswer[]) => listener?.answers(records),
      fail: (reason: string) => listener?.failed(reason),
      closed: () => closed,
      ...recorded,
    }
  }

  it('are asked for several times at the start, then at the interval', async (t) => {
    const { clock, questions } = setUp(t)
    await clock.advance(3_000)
    assert.equal(questions.filter((each) => each === 'PTR _ollama._tcp.local').length, 3)
    await clock.advance(60_000)
    assert.equal(questions.filter((each) => each === 'PTR _ollama._tcp.local').length, 5)
  })

  it('come with answers and leave when their records expire', async (t) => {
    const { clock, answer, urls } = setUp(t)
    await clock.advance(0)
    assert.deepEqual(urls(), [])
    answer(announce({ ttl: 10 }))
    assert.deepEqual(urls(), ['http://192.168.1.7:11434'])
    await clock.advance(9_999)
    assert.equal(urls()?.length, 1)
    await clock.advance(1)
    assert.deepEqual(urls(), [])
  })

  it('ask for missing records, but not for each answer of a stranger', async (t) => {
    const { clock, answer, questions } = setUp(t)
    await clock.advance(0)
    const [pointer] = announce()
    const before = questions.length
    for (let at = 0; at < 100; at++) answer(pointer === undefined ? [] : [pointer])
    assert.deepEqual(questions.slice(before), [
      'SRV studio._ollama._tcp.local',
      'TXT studio._ollama._tcp.local',
    ])
  })

  it('are unavailable without multicast, and the socket is opened again later', async (t) => {
    let isMissing = true
    const { clock, failures, answer, urls } = setUp(t, async () => {
      if (isMissing) throw Object.assign(new Error(), { code: 'ENODEV' })
    })
    await clock.advance(0)
    assert.deepEqual(failures, ['no multicast here: ENODEV'])
    isMissing = false
    await clock.advance(30_000)
    answer(announce())
    assert.equal(urls()?.length, 1)
  })

  it('survive a socket that fails', async (t) => {
    const { clock, fail, failures, closed, answer, urls, questions } = setUp(t)
    await clock.advance(0)
    answer(announce())
    fail('ENETDOWN')
    assert.deepEqual(failures, ['no multicast here: ENETDOWN'])
    assert.equal(closed(), 1)
    assert.equal(urls()?.length, 1)
    const before = questions.length
    await clock.advance(31_000)
    assert.ok(questions.length > before)
  })

  it('are found by real multicast on loopback', async (t) => {
    const port = await freePort()
    const options = { port, interface: '127.0.0.1', bind: '0.0.0.0' }
    const responder = makeMulticast(options)
    t.after(() => responder.destroy())
    responder.on('query', ({ questions }) => {
      if (questions.some(({ name }) => name === '_ollama._tcp.local'))
        responder.respond({ answers: announce({ txt: ['type=ollama'] }) })
    })
    const recorded = recordReports()
    const provider = new MdnsProvider({
      ...rules,
      intervalMs: 1_000,
      clock: systemClock,
      open: (listener) => openMulticast(listener, options),
    })
    t.after(() => provider.stop())
    provider.start(recorded.reports)
    await eventually(() => recorded.urls()?.[0] === 'http://192.168.1.7:11434')
    assert.deepEqual(recorded.found.at(-1)?.[0]?.settings, { type: 'ollama' })
  })
})
