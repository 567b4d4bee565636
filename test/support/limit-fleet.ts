import assert from 'node:assert/strict'
import { after } from 'node:test'
import { createClient } from '@redis/client'
import type { ScriptCall } from '../../src/cluster/connection/script-runner.ts'
import {
  limitRecallTopic,
  limitRequestTopic,
  limitSettlementTopic,
} from '../../src/cluster/contract/limits.ts'
import { LimitDesk } from '../../src/cluster/limits/limit-desk.ts'
import { Newsroom } from '../../src/cluster/membership/newsroom.ts'
import { fleetKeys } from '../../src/cluster/scripts/keys.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import type { ControlLink } from '../../src/runtime/links/control-link.ts'
import { nextPrefix } from './replicas.ts'

/** A request waits for the server as long as it takes: what is tested does not depend on the machine. */
const timeoutMs = 10_000

export interface LimitFleetOptions {
  /** Whether the answer to a call is lost, after the server has run it. */
  readonly loses?: (() => boolean) | undefined
  /** The link of a replica to its serving threads; without one, nothing is lent to threads. */
  readonly linkOf?: (replica: number) => ControlLink
}

/** Desks of several replicas on a real server, which decides about limits. */
export async function limitFleet(
  url: string,
  count: number,
  { loses = () => false, linkOf }: LimitFleetOptions = {},
) {
  const keys = fleetKeys(nextPrefix())
  const client = await createClient({ url, RESP: 3 }).connect()
  const calls = { made: 0, lost: 0 }
  const answers: string[] = []
  const replicas = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const id = `r${index}`
      const link = linkOf?.(index)
      const own = await createClient({ url, RESP: 3 }).connect()
      const listener = await createClient({ url, RESP: 3 }).connect()
      after(() => {
        own.destroy()
        listener.destroy()
      })
      await own.hSet(keys.calls(id, '1'), 'epoch', '1')
      await own.zAdd(keys.alive, { score: Date.now() + 600_000, value: id })
      const desk = new LimitDesk({
        clock: systemClock,
        timeoutMs,
        threads: link?.threads ?? Number.MAX_SAFE_INTEGER,
        recall: async (names) => link?.requestAll(limitRecallTopic, names),
        onLoss: () => assert.fail('the server has lost nothing'),
        cluster: {
          publish: () => undefined,
          runInBackground: () => assert.fail('nothing to compare'),
          ...{
            id,
            keys,
            callsKey: keys.calls(id, '1'),
            state: 'joined',
            epoch: '1',
            rejoin: () => undefined,
          },
          async run({ script, keys: names, args }: ScriptCall) {
            calls.made++
            const reply = await own.eval(script.source, { keys: [...names], arguments: [...args] })
            if (Array.isArray(reply)) answers.push(String(reply[1]))
            if (!loses()) return reply
            calls.lost++
            throw new Error('timeout')
          },
        },
      })
      link?.on(limitRequestTopic, (request, thread) => desk.decide(request, thread))
      link?.on(limitSettlementTopic, (settlement, thread) => desk.settle(settlement, thread))
      const news = new Newsroom(id)
      news.on('limits', (message) => desk.news(message))
      await listener.subscribe(keys.news, (text) => news.receive(text))
      return desk
    }),
  )
  after(() => client.destroy())
  const stored = async (key: string) => {
    const values = await client.hVals(`${keys.limits}${key}`)
    return values.reduce((sum, each) => sum + Number(each), 0)
  }
  const slots = async () => (await client.hVals(keys.slots)).reduce((sum, each) => sum + Number(each), 0)
  /** Names of what a replica has leased, as the others see it. */
  const leased = async (id: string) => {
    const rows = await client.zRangeByScore(keys.leases, Date.now(), '+inf')
    return rows.map((row) => row.split('\n')).flatMap(([name = '', by]) => (by === id ? [name] : []))
  }
  return { replicas, calls, answers, stored, slots, leased }
}
