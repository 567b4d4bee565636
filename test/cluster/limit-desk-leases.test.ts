import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createDesk, keys, request, reserved, verdictOf } from '../support/limit-desk.ts'

describe('leases of the limit desk', () => {
  it('asks again when another replica has given leases back', async () => {
    const server = createDesk()
    server.answer = () => ['ok', '[[7],[2,0,95,0,1]]']
    const asked = verdictOf(server.desk.decide(request, 0))
    await server.pass(0)
    server.answer = () => ['ok', reserved]
    server.desk.news({ isFree: true })
    await server.pass(0)
    assert.deepEqual(await asked, { kind: 'reserved', buckets: [7] })
    assert.equal(server.sent.length, 2)
  })

  it('refuses a request that may ask again once it has waited for the timeout', async () => {
    const server = createDesk()
    server.answer = () => ['ok', '[[7],[3,0,1]]']
    const asked = verdictOf(server.desk.decide(request, 0))
    for (let ms = 0; ms < 20; ms++) await server.pass(1)
    assert.deepEqual(await asked, { kind: 'slot', at: 0 })
    assert.ok(server.sent.length > 2, String(server.sent.length))
  })

  it('refuses it when the next answer is lost, and uses nothing of what that call has reserved', async () => {
    const server = createDesk()
    server.answer = () => ['ok', '[[7],[2,0,95,0,1]]']
    const asked = verdictOf(server.desk.decide(request, 0))
    await server.pass(0)
    server.answer = () => Promise.reject(new Error('timeout'))
    server.desk.news({ isFree: true })
    await server.pass(0)
    assert.deepEqual(await asked, { kind: 'amount', at: 0, total: 95, waitMs: 0 })
    server.answer = ({ unsure }) => ['ok', '[]', ...unsure.map(() => reserved)]
    await server.pass(40)
    server.answer = () => ['ok', '[]']
    await server.pass(40)
    assert.deepEqual(server.sent.at(-1)?.settled, [[0, 7, -10]])
  })

  it('gives a lease back when another replica wants it, and reports that it has', async () => {
    const server = createDesk()
    server.answer = () => ['ok', '[[7],1,[0,200,40,6]]']
    await Promise.all([verdictOf(server.desk.decide(request, 0)), server.pass(0)])
    server.answer = () => ['ok', '[]']
    assert.deepEqual(server.desk.decide(request, 0), { kind: 'reserved', buckets: [7] })
    assert.equal(server.sent.length, 1)
    server.desk.news({ wanted: [`${keys.limits}other`] })
    assert.equal(server.sent.length, 1)
    server.desk.news({ wanted: [`${keys.limits}k`, 's'] })
    await server.pass(0)
    const { settled, own, freed, recalled } = server.sent[1] ?? assert.fail()
    assert.deepEqual(
      { settled, own, freed, recalled },
      {
        settled: [[0, 7, -30]],
        own: { s: 2 },
        freed: [`${keys.limits}k`, 's'],
        recalled: 1,
      },
    )
  })

  it('recalls what threads were lent for a request that would be refused, and asks again', async () => {
    const server = createDesk(1)
    server.answer = () => ['ok', '[[7],1,[0,200,40,6]]']
    await Promise.all([verdictOf(server.desk.decide(request, 0)), server.pass(0)])
    const lent = { amounts: [30], slots: 4, untilMs: 200 }
    assert.deepEqual(server.desk.decide(request, 0), { kind: 'reserved', buckets: [7], lent })
    const answers = ['[[7],[2,0,95,0,0]]', reserved]
    server.answer = () => ['ok', answers.shift()]
    const asked = verdictOf(server.desk.decide(request, 1))
    await server.pass(10)
    assert.deepEqual(server.recalled, [['k', 's']])
    assert.deepEqual(await asked, { kind: 'reserved', buckets: [7] })
    // Nothing is lent any more.
    server.answer = () => ['ok', '[[7],[2,0,95,0,0]]']
    const refused = verdictOf(server.desk.decide(request, 1))
    await server.pass(0)
    assert.equal((await refused).kind, 'amount')
    assert.equal(server.recalled.length, 1)
  })

  it('recalls what threads were lent when another replica wants it, and when it stops', async () => {
    for (const recall of [
      ({ desk }: ReturnType<typeof createDesk>) => desk.news({ wanted: [`${keys.limits}k`] }),
      ({ desk }: ReturnType<typeof createDesk>) => desk.stop(),
    ]) {
      const server = createDesk(1)
      server.answer = () => ['ok', '[[7],1,[0,200,40,6]]']
      await Promise.all([verdictOf(server.desk.decide(request, 0)), server.pass(0)])
      server.answer = () => ['ok', '[]']
      server.desk.decide(request, 0)
      void recall(server)
      await server.pass(0)
      assert.ok(server.recalled[0]?.includes('k'))
      assert.ok(server.sent.at(-1)?.freed.includes(`${keys.limits}k`))
    }
  })

  it('returns what a call has leased whose answer was late', async () => {
    const server = createDesk()
    server.answer = () => Promise.reject(new Error('timeout'))
    const asked = verdictOf(server.desk.decide(request, 0))
    await server.pass(0)
    assert.equal((await asked).kind, 'away')
    server.answer = () => ['ok', '[]', '[[7],1,[0,200,40,6]]']
    await server.pass(20)
    server.answer = () => ['ok', '[]']
    await server.pass(40)
    assert.deepEqual(server.sent.at(-1)?.settled, [[0, 7, -40]])
  })
})
