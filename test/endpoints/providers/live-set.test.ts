import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { FoundEndpoint } from '../../../src/endpoints/providers/contract/contract.ts'
import { serverKey } from '../../../src/endpoints/providers/contract/same-server.ts'
import { LiveSet } from '../../../src/endpoints/providers/live-set.ts'
import type { ProviderRules } from '../../../src/endpoints/providers/live-views.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const server = (host: string, others: Partial<FoundEndpoint> = {}): FoundEndpoint => ({
  url: `http://${host}:8000`,
  name: host,
  settings: {},
  labels: {},
  isReady: true,
  ...others,
})

const rules = (others: Partial<ProviderRules> = {}): ProviderRules => ({
  name: 'dns',
  kind: 'dns',
  removeAfterMs: 30_000,
  keepForMs: 0,
  maxEndpoints: 100,
  approves: () => true,
  ...others,
})

function setUp(others: Partial<ProviderRules> = {}) {
  const clock = new FakeClock()
  let changes = 0
  const set = new LiveSet({ clock, onChange: () => changes++ })
  const reports = set.add(rules(others))
  const names = () => set.endpoints().map(({ name }) => name)
  const states = () => Object.fromEntries(set.views().map(({ name, state }) => [name, state]))
  return { clock, set, reports, names, states, changes: () => changes }
}

describe('found endpoints', () => {
  it('serve, and changes of one turn are one', async () => {
    const { clock, reports, names, changes } = setUp()
    reports.found([server('a')])
    reports.found([server('a'), server('b')])
    await clock.advance(0)
    assert.deepEqual(names(), ['a', 'b'])
    assert.equal(changes(), 1)
    reports.found([server('b'), server('a')])
    await clock.advance(0)
    assert.equal(changes(), 1)
  })

  it('stay while the source fails, and for a time after it no longer names them', async () => {
    const { clock, reports, names, states } = setUp()
    reports.found([server('a'), server('b')])
    reports.failed('SERVFAIL')
    await clock.advance(3_600_000)
    assert.deepEqual(names(), ['a', 'b'])
    reports.found([server('a')])
    assert.equal(states().b, 'missing')
    await clock.advance(29_999)
    assert.deepEqual(names(), ['a', 'b'])
    await clock.advance(1)
    assert.deepEqual(names(), ['a'])
  })

  it('that are named again in time were never away', async () => {
    const { clock, reports, names, states } = setUp()
    for (let turn = 0; turn < 20; turn++) {
      reports.found(turn % 2 === 0 ? [server('a'), server('b')] : [server('a')])
      await clock.advance(5_000)
      assert.deepEqual(names(), ['a', 'b'], `turn ${turn}`)
    }
    reports.found([server('a'), server('b')])
    assert.deepEqual(states(), { a: 'active', b: 'active' })
  })

  it('leave at once if they are not ready', async () => {
    const { clock, reports, names, states } = setUp()
    reports.found([server('a'), server('b')])
    reports.found([server('a'), server('b', { isReady: false })])
    await clock.advance(0)
    assert.deepEqual(names(), ['a'])
    assert.equal(states().b, 'not ready')
    reports.found([server('a'), server('b')])
    assert.deepEqual(names(), ['a', 'b'])
  })

  it('leave after a stated time without an answer of the source', async () => {
    const { clock, reports, names } = setUp({ keepForMs: 60_000 })
    reports.found([server('a')])
    reports.failed('ETIMEOUT')
    await clock.advance(30_000)
    reports.failed('ETIMEOUT')
    await clock.advance(29_999)
    assert.deepEqual(names(), ['a'])
    await clock.advance(1)
    assert.deepEqual(names(), [])
  })

  it('that come and go have to stay for longer each time', async () => {
    const { clock, reports, names, states } = setUp({ removeAfterMs: 0 })
    for (let turn = 0; turn < 4; turn++) {
      reports.found([server('a')])
      await clock.advance(1_000)
      assert.deepEqual(names(), ['a'], `turn ${turn}`)
      reports.found([])
      await clock.advance(1_000)
    }
    reports.found([server('a')])
    assert.equal(states().a, 'held')
    await clock.advance(29_999)
    assert.deepEqual(names(), [])
    await clock.advance(1)
    assert.deepEqual(names(), ['a'])
    reports.found([])
    reports.found([server('a')])
    await clock.advance(59_999)
    assert.deepEqual(names(), [])
    await clock.advance(1)
    assert.deepEqual(names(), ['a'])
  })

  it('wait for an approval, by rule or by name', async () => {
    const { clock, set, reports, names, states } = setUp({ approves: ({ labels }) => labels.env === 'prod' })
    reports.found([server('a', { labels: { env: 'prod' } }), server('b')])
    await clock.advance(0)
    assert.deepEqual(names(), ['a'])
    assert.equal(states().b, 'pending')
    assert.equal(set.approve('c'), false)
    assert.equal(set.approve('b'), true)
    assert.deepEqual(names(), ['a', 'b'])
  })

  it('of two providers and the file are one if they are the same server', async () => {
    const { clock, set, reports, names } = setUp()
    const other = set.add(rules({ name: 'mdns', kind: 'mdns', removeAfterMs: 0 }))
    set.setFileEndpoints([{ url: 'http://c:8000/v1/', name: 'from-file' }])
    reports.found([server('a'), server('c')])
    other.found([server('a', { url: 'http://a:8000/', name: 'second' }), server('b')])
    await clock.advance(0)
    assert.deepEqual(names(), ['a', 'b'])
    assert.deepEqual(
      set.views().map(({ name, state }) => [name, state]),
      [
        ['a', 'active'],
        ['c', 'duplicate'],
        ['second', 'duplicate'],
        ['b', 'active'],
      ],
    )
    reports.found([])
    await clock.advance(30_000)
    assert.deepEqual(names(), ['second', 'b'])
  })

  it('keep their names, and get a suffix if a name is taken', async () => {
    const { clock, reports, names } = setUp({ removeAfterMs: 0 })
    const first = server('x', { name: 'box' })
    const second = server('y', { name: 'box' })
    reports.found([first, second])
    assert.deepEqual(names(), ['box', 'box-2'])
    reports.found([second])
    assert.deepEqual(names(), ['box-2'])
    reports.found([second, first])
    await clock.advance(0)
    assert.deepEqual(names().sort(), ['box', 'box-2'])
  })

  it('are limited in number, and the state says so', () => {
    const { set, reports, names } = setUp({ maxEndpoints: 3 })
    reports.found(Array.from({ length: 10 }, (_, at) => server(`h${at}`)))
    assert.equal(names().length, 3)
    assert.match(set.providers()[0]?.reason ?? '', /limit is 3/)
  })

  it('ignore URLs that no server has', () => {
    const { reports, names } = setUp()
    for (const url of ['ftp://a', 'nonsense', '', 'http://user:secret@a', 'file:///etc/passwd'])
      reports.found([server('a', { url })])
    assert.deepEqual(names(), [])
  })

  it('never lose one that is always named, and leave no timer when closed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.record({ hosts: fc.subarray(['b', 'c', 'd']), waitMs: fc.integer({ min: 0, max: 60_000 }) }),
            fc.constant('fails' as const),
          ),
          { maxLength: 30 },
        ),
        async (steps) => {
          const { clock, set, reports, names } = setUp()
          reports.found([server('a')])
          for (const step of steps) {
            if (step === 'fails') reports.failed('away')
            else {
              reports.found(['a', ...step.hosts].map((host) => server(host)))
              await clock.advance(step.waitMs)
            }
            assert.ok(names().includes('a'))
            assert.equal(new Set(names()).size, names().length)
          }
          set.close()
          assert.equal(clock.armed, 0)
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('the key of a server', () => {
  for (const [one, other] of [
    ['http://a:80', 'http://a/'],
    ['https://A.example:443/v1', 'https://a.example'],
    ['http://localhost:11434', 'http://127.0.0.1:11434/'],
    ['http://a.local.:8000', 'http://a.local:8000/v1/'],
  ] as const)
    it(`is equal for ${one} and ${other}`, () => assert.equal(serverKey(one), serverKey(other)))

  for (const [one, other] of [
    ['http://a', 'https://a'],
    ['http://a:8000', 'http://a:8001'],
    ['http://a/x', 'http://a/y'],
  ] as const)
    it(`differs for ${one} and ${other}`, () => assert.notEqual(serverKey(one), serverKey(other)))
})
