/** What operators and machines do to the server, and to a replica, while three processes are under load. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startBusyEndpoint } from '../support/busy-endpoint.ts'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { postChat } from '../support/gateway.ts'
import { redisSession, startRedis, whyNoRedis } from '../support/redis.ts'
import { startFleet } from '../support/replica-processes.ts'
import { clusterOf } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
const places = 6
const keyLimit = 7
/** Replicas keep to their shares for this long after they are back. */
const memberTimeoutMs = 1_500

type Commands = readonly (readonly string[])[]

interface Situation {
  readonly what: string
  readonly begin: Commands
  readonly end?: Commands
}

const user = (rule: string) => ['ACL', 'SETUSER', 'default', rule]
const set = (name: string, value: string) => ['CONFIG', 'SET', name, value]

const situations: readonly Situation[] = [
  { what: 'answers nothing for a second', begin: [['CLIENT', 'PAUSE', '1000', 'ALL']] },
  { what: 'sleeps', begin: [['DEBUG', 'SLEEP', '2']] },
  { what: 'takes no more data', begin: [set('maxmemory', '1')], end: [set('maxmemory', '0')] },
  {
    what: 'evicts keys of replicas',
    begin: [set('maxmemory-policy', 'allkeys-random'), set('maxmemory', '1')],
    end: [set('maxmemory', '0'), set('maxmemory-policy', 'noeviction')],
  },
  { what: 'permits no scripts', begin: [user('-@scripting')], end: [user('+@all')] },
  { what: 'permits no keys', begin: [user('resetkeys')], end: [user('allkeys')] },
  { what: 'permits no channels', begin: [user('resetchannels')], end: [user('allchannels')] },
  { what: 'loses its scripts', begin: [['SCRIPT', 'FLUSH']] },
  { what: 'loses its data', begin: [['FLUSHALL']] },
]

describe('three processes under load', { skip }, async () => {
  const redis = skip === false ? await startRedis(['--enable-debug-command', 'yes']) : undefined
  if (redis === undefined) return

  it('fail no request and are exact afterwards, whatever happens to the server', async (t) => {
    const scarce = await startBusyEndpoint(t, 10)
    const plain = await startBusyEndpoint(t, 5, 'plain')
    const any = configuredKey('any')
    const limited = configuredKey('limited', { limits: { max_concurrent: keyLimit } })
    const slow = { type: 'openai-compatible', check_interval: '10s', check_timeout: '9s' }
    const fleet = await startFleet(
      t,
      redis.url,
      {
        callers: { secret: callersSecret, keys: [any.entry, limited.entry] },
        discovery: {
          health: { slow_start: 0 },
          static: {
            endpoints: [
              { ...slow, url: scarce.url, name: 'scarce', max_concurrent: places },
              { ...slow, url: plain.url, name: 'plain' },
            ],
          },
        },
      },
      { cluster: { timeout: '50ms', member_timeout: `${memberTimeoutMs}ms` } },
    )
    const failures: string[] = []
    let answered = 0
    let isOver = false
    let situation = 'start'
    const clients = Array.from({ length: 18 }, async (_, index) => {
      const { url } = fleet.replicas[index % 3] ?? assert.fail()
      const isPlain = index % 2 === 1
      while (!isOver) {
        const headers = bearer(isPlain ? limited.key : any.key)
        const response = await postChat(url, isPlain ? { model: 'plain' } : {}, { headers })
        const text = await response.text()
        if (response.status === 200) answered++
        else if (!isPlain || response.status !== 429)
          failures.push(`${situation}: ${response.status} ${text}`)
      }
    })
    const more = async (count: number) => {
      const before = answered
      await eventually(() => answered >= before + count)
    }
    const joined = () =>
      eventually(async () => {
        const views = await Promise.all(fleet.replicas.map(clusterOf))
        return views.every(({ state, members }) => state === 'joined' && members.length === 3)
      })
    await more(100)
    const admin = await redisSession(t, redis.port)
    const run = async (commands: Commands) => {
      for (const command of commands) assert.match(await admin(...command), /^\+OK/, command.join(' '))
    }
    for (const { what, begin, end = [] } of situations) {
      situation = what
      await run(begin)
      await more(80)
      await run(end)
      await joined()
      const sinceMs = performance.now()
      do await more(20)
      while (performance.now() - sinceMs < memberTimeoutMs)
      for (const { seen } of [scarce, plain]) seen.max = seen.current
      await more(80)
      assert.ok(scarce.seen.max <= places, `${what}: ${scarce.seen.max} of ${places} places`)
      assert.ok(plain.seen.max <= keyLimit, `${what}: ${plain.seen.max} of ${keyLimit} slots`)
    }
    isOver = true
    await Promise.all(clients)
    assert.deepEqual(failures, [])
  })
})
