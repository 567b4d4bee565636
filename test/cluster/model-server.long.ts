/** The scripts of the model of `bench/cluster-model` do what a real server does. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '../../bench/affinity/random.ts'
import { ModelServer } from '../../bench/cluster-model/model-server.ts'
import { beatScript, leaveScript } from '../../src/cluster/scripts/beat.ts'
import { fleetKeys, schemaVersion } from '../../src/cluster/scripts/keys.ts'
import { placesScript } from '../../src/cluster/scripts/places.ts'
import type { Script } from '../../src/cluster/scripts/script.ts'
import { announceScript, recallScript } from '../../src/cluster/scripts/transitions.ts'
import { startRedis, whyNoRedis } from '../support/redis.ts'

const skip = whyNoRedis ?? false

describe('the modelled server', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return

  it('answers as the real one does', async () => {
    const { createClient } = await import('@redis/client')
    const client = await createClient({ url: redis.url, RESP: 3 }).connect()
    const keys = fleetKeys('model')
    const model = new ModelServer(
      () => Date.now(),
      () => undefined,
    )
    const random = seeded(7)
    const any = (count: number) => Math.floor(random() * count)
    const ids = ['a', 'b', 'c']
    const numbers = new Map<string, number>()
    const calls: (() => [Script, readonly string[], readonly string[]])[] = [
      () => {
        const id = ids[any(3)] ?? ''
        return [
          beatScript,
          [
            keys.alive,
            keys.members,
            keys.load,
            keys.places,
            keys.schema,
            keys.state,
            keys.slots,
            keys.epoch,
            keys.calls(id, '1'),
          ],
          [id, '600000', String(schemaVersion), '{}', `{"e":${any(5)}}`],
        ]
      },
      () => {
        const id = ids[any(3)] ?? ''
        // Now and then a call comes after a later one.
        const number = (numbers.get(id) ?? 0) + (any(8) === 0 ? -1 : 1)
        numbers.set(id, Math.max(number, numbers.get(id) ?? 0))
        const max = 4 + any(3)
        const endpoint = [`e${any(2)}`, max, any(max + 1), any(2), any(3), max, any(2)].map(String)
        return [
          placesScript,
          [keys.alive, keys.places, keys.calls(id, '1')],
          [id, String(number), keys.news, '', ...endpoint],
        ]
      },
      () => [announceScript, [keys.state], [keys.news, '{}', `e${any(3)}`, `{"by":"${any(9)}"}`]],
      () => [recallScript, [keys.state], []],
      () => {
        const leaving = [keys.alive, keys.members, keys.load, keys.places, keys.slots]
        return any(5) === 0
          ? [leaveScript, leaving, [ids[any(3)] ?? '', keys.news, '{}']]
          : [recallScript, [keys.state], []]
      },
    ]
    const realEpochs = new Map<string, string>()
    const modelEpochs = new Map<string, string>()
    try {
      for (let turn = 0; turn < 2_000; turn++) {
        const [script, named, args] = calls[any(calls.length)]?.() ?? assert.fail()
        /** Each server has epochs of its own. */
        const counted = (epochs: ReadonlyMap<string, string>) => {
          const [id = '', ...rest] = args
          const own = script === placesScript ? rest.with(2, epochs.get(id) ?? '') : rest
          return [String(named.length), ...named, id, ...own]
        }
        const real = await client.sendCommand(['EVAL', script.source, ...counted(realEpochs)])
        const modelled = model.run(['EVALSHA', script.sha, ...counted(modelEpochs)])
        if (script === beatScript) {
          realEpochs.set(args[0] ?? '', lastOf(real))
          modelEpochs.set(args[0] ?? '', lastOf(modelled))
        }
        assert.deepEqual(
          comparable(script, real),
          comparable(script, modelled),
          `${script.name} ${args.join(' ')}`,
        )
      }
    } finally {
      client.destroy()
    }
  })
})

function lastOf(reply: unknown): string {
  return Array.isArray(reply) ? String(reply.at(-1)) : ''
}

/** Without times, and without an order where there is none. */
function comparable({ name }: Script, reply: unknown): unknown {
  const list = Array.isArray(reply) ? reply.map(String) : [String(reply)]
  if (name === 'recall') return groups(list, 3, [0, 2])
  return name === 'beat' ? [list.slice(0, 2), groups(list.slice(2, -2), 4, [0, 1, 2])] : list
}

function groups(list: readonly string[], size: number, kept: readonly number[]): string[] {
  const found: string[] = []
  for (let at = 0; at < list.length; at += size) found.push(kept.map((each) => list[at + each]).join(' '))
  return found.sort()
}
