import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { callersSecret, configuredKey } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'
import { startHeldEndpoint } from '../support/held-endpoint.ts'
import { eventually } from '../support/simulator.ts'
import { type Asked, askFrom, drain, startHeld, waiting, waits } from '../support/waiting.ts'
import { engineOf, engines } from './engines.ts'

for (const engine of engines) {
  describe(`the waiting line of the ${engine} engine`, () => {
    it('serves all that wait, and says where they stood', async (t) => {
      const { upstream, gateway, ask } = await startHeld(t, engineOf(engine), { max_concurrent: 2 })
      const asked: Asked[] = []
      for (let each = 0; each < 8; each++) {
        asked.push(ask())
        await eventually(async () => upstream.held.length + (await waiting(gateway)) === each + 1)
      }
      await drain(upstream, 8)
      const answers = await Promise.all(asked.map(({ answer }) => answer))
      assert.deepEqual(
        answers.map(({ status }) => status),
        Array(8).fill(200),
      )
      assert.deepEqual(
        answers.map(({ headers }) => headers['x-olla-queue-position']),
        [undefined, undefined, '1', '2', '3', '4', '5', '6'],
      )
      assert.match(String(answers[7]?.headers['x-olla-queue-waited']), /^\d+ms$/)
      assert.ok(Number(answers[7]?.headers['x-olla-queue-ahead-tokens']) > 5 * 256)
      assert.equal(upstream.max, 2)
      await waits(gateway, 0)
    })

    it('serves a person soon although an agent has many requests before', async (t) => {
      const { upstream, gateway, ask } = await startHeld(t, engineOf(engine))
      for (let each = 0; each < 40; each++) ask('m', '127.0.0.2', 'agent')
      await waits(gateway, 39)
      const person = ask('m', '127.0.0.3', 'person')
      await waits(gateway, 40)
      const order = await drain(upstream, 41)
      assert.ok(order.findIndex((text) => text.includes('person')) <= 2)
      assert.equal((await person.answer).status, 200)
    })

    it('forgets clients that leave: the endpoint never sees them', async (t) => {
      const { upstream, gateway, ask } = await startHeld(t, engineOf(engine))
      const first = ask()
      await eventually(() => upstream.held.length === 1)
      const gone = Array.from({ length: 100 }, () => ask('m', '127.0.0.1', 'gone'))
      await waits(gateway, 100)
      for (const { client } of gone) client.destroy()
      await waits(gateway, 0)
      const last = ask('m', '127.0.0.1', 'last')
      await waits(gateway, 1)
      await drain(upstream, 2)
      assert.equal((await first.answer).status, 200)
      assert.equal((await last.answer).status, 200)
      assert.equal(upstream.seen.filter(({ text }) => text.includes('gone')).length, 0)
      await eventually(async () => (await gateway.status())[0]?.in_flight === 0)
    })

    it('refuses what is too much or takes too long, with a time that clients can use', async (t) => {
      const { upstream, gateway, ask } = await startHeld(t, {
        ...engineOf(engine),
        queue: { max_waiting: 2, max_wait: '3s' },
      })
      const first = ask()
      await eventually(() => upstream.held.length === 1)
      const waited = [ask(), ask()]
      await waits(gateway, 2)
      const refused = await ask().answer
      assert.equal(refused.headers['x-olla-queue-position'], '3')
      const late = await Promise.all(waited.map(({ answer }) => answer))
      for (const [answer, reason] of [
        [refused, /waiting line is full/],
        [late[0], /no place became free/],
        [late[1], /no place became free/],
      ] as const) {
        assert.equal(answer?.status, 503)
        const seconds = String(answer?.headers['retry-after'])
        assert.match(seconds, /^\d+$/)
        assert.ok(Number(seconds) >= 1 && Number(seconds) <= 60, seconds)
        assert.match(answer?.body ?? '', reason)
      }
      upstream.answer()
      assert.equal((await first.answer).status, 200)
      assert.equal(upstream.seen.length, 1)
    })

    it('serves keys of a higher class first, and shares turns between keys by weight', async (t) => {
      const keys = Object.fromEntries(
        [
          ['low', { priority: 'low' }],
          ['one', {}],
          ['three', { weight: 3 }],
          ['high', { priority: 'high' }],
        ].map(([name, policy]) => [String(name), configuredKey(String(name), { policy })]),
      )
      const { upstream, gateway, ask } = await startHeld(t, engineOf(engine), {}, ['m'], {
        callers: { secret: callersSecret, keys: Object.values(keys).map(({ entry }) => entry) },
      })
      const by = (name: string) => ask('m', '127.0.0.1', name, keys[name]?.key)
      by('one')
      await eventually(() => upstream.held.length === 1)
      let count = 0
      for (const [name, times] of [
        ['low', 2],
        ['one', 4],
        ['three', 4],
        ['high', 2],
      ] as const) {
        for (let each = 0; each < times; each++) {
          by(name)
          await waits(gateway, ++count)
        }
      }
      const order = (await drain(upstream, 13)).map((text) =>
        Object.keys(keys).find((name) => text.includes(`"${name}"`)),
      )
      assert.deepEqual(order.slice(0, 3), ['one', 'high', 'high'])
      assert.deepEqual(order.slice(11), ['low', 'low'])
      // Of the first four turns of the normal class, three are of the key with three times the weight.
      assert.equal(order.slice(3, 7).filter((name) => name === 'three').length, 3)
    })

    it('keeps places for keys of a higher class', async (t) => {
      const keys = {
        low: configuredKey('low', { policy: { priority: 'low' } }),
        high: configuredKey('high', { policy: { priority: 'high' } }),
      }
      const { upstream, gateway, ask } = await startHeld(
        t,
        { ...engineOf(engine), queue: { reserved_for_high: 0.25 } },
        { max_concurrent: 4 },
        ['m'],
        { callers: { secret: callersSecret, keys: Object.values(keys).map(({ entry }) => entry) } },
      )
      for (let each = 0; each < 6; each++) ask('m', '127.0.0.1', 'low', keys.low.key)
      await eventually(() => upstream.held.length === 3)
      await waits(gateway, 3)
      const high = ask('m', '127.0.0.1', 'high', keys.high.key)
      await eventually(() => upstream.held.length === 4)
      assert.equal(await waiting(gateway), 3)
      assert.ok(upstream.seen[3]?.text.includes('"high"'))
      await drain(upstream, 7)
      assert.equal((await high.answer).status, 200)
      // The most that were of the class low at one time.
      assert.equal(upstream.max, 4)
      await waits(gateway, 0)
    })

    it('refuses bodies beyond its bytes', async (t) => {
      const { upstream, gateway, ask } = await startHeld(t, {
        ...engineOf(engine),
        queue: { max_size: '64KB', max_wait: '5s' },
      })
      const first = ask()
      await eventually(() => upstream.held.length === 1)
      const small = ask()
      await waits(gateway, 1)
      const large = await ask('m', '127.0.0.1', 'x'.repeat(70_000)).answer
      assert.equal(large.status, 503)
      assert.match(large.body, /bytes/)
      await drain(upstream, 2)
      assert.deepEqual([(await first.answer).status, (await small.answer).status], [200, 200])
    })

    it('swaps models of one box at most twice for A B A B A B', async (t) => {
      const { upstream, gateway, ask } = await startHeld(t, engineOf(engine), {}, ['A', 'B'])
      const models = ['A', 'B', 'A', 'B', 'A', 'B']
      for (const [index, model] of models.entries()) {
        ask(model)
        await eventually(async () => upstream.held.length + (await waiting(gateway)) === index + 1)
      }
      await drain(upstream, 6)
      await eventually(() => upstream.seen.length === 6)
      const order = upstream.seen.map(({ model }) => model)
      const swaps = order.filter((model, index) => index > 0 && model !== order[index - 1]).length
      assert.ok(swaps <= 2, order.join(''))
    })

    it('moves requests of a dead endpoint only to others with their model, or refuses them', async (t) => {
      const other = await startHeldEndpoint(t, ['other', 'shared'])
      const box = await startHeldEndpoint(t, ['m', 'shared'])
      const gateway = await startGateway(
        t,
        [
          { url: box.url, name: 'box', type: 'openai', max_concurrent: 1, priority: 200 },
          { url: other.url, name: 'other', type: 'openai', max_concurrent: 1 },
        ],
        { proxy: { ...engineOf(engine), outage_wait: '200ms', queue: { max_wait: '2s' } } },
      )
      const ask = askFrom(gateway)
      ask('m')
      await eventually(() => box.held.length === 1)
      ask('shared')
      await eventually(() => other.held.length === 1)
      const own = ask('m')
      const shared = ask('shared')
      await eventually(async () => (await waiting(gateway)) >= 2)
      box.stop()
      for (;;) {
        if (other.held.length > 0) other.answer()
        const done = await Promise.race([shared.answer, new Promise((next) => setTimeout(next, 20))])
        if (done !== undefined) break
      }
      assert.equal((await shared.answer).status, 200)
      assert.ok([502, 503].includes((await own.answer).status))
      assert.ok(other.seen.every(({ model }) => model === 'shared'))
      await waits(gateway, 0)
    })
  })
}
