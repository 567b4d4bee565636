import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createDesk, request, reserved, type Sent, used, verdictOf } from '../support/limit-desk.ts'

describe('limit desk', () => {
  it('asks the next call what became of one whose answer was lost, and counts it once', async () => {
    const server = createDesk()
    server.answer = () => Promise.reject(new Error('timeout'))
    const asked = verdictOf(server.desk.decide(request, 0))
    await server.pass(0)
    const verdict = await asked
    assert.equal(verdict.kind, 'away')
    const ticket = verdict.kind === 'away' ? verdict.ticket : undefined
    assert.ok(ticket !== undefined)
    // The request went on with its share, and is over.
    server.answer = () => ['ok', '[]', reserved]
    server.desk.settle(used(4, ticket), 0)
    await server.pass(40)
    assert.deepEqual(server.sent[1]?.unsure, [1])
    assert.deepEqual(server.sent[1]?.own, { s: 0 })
    // It was reserved: only the difference remains.
    server.answer = () => ['ok', '[]']
    await server.pass(40)
    const last = server.sent.at(-1)
    assert.deepEqual(last?.settled, [[0, 7, -6]])
    assert.deepEqual(last?.late, [])
    assert.deepEqual(last?.unsure, [])
  })

  it('adds what a request used whose call has not run', async () => {
    const server = createDesk()
    server.answer = () => Promise.reject(new Error('timeout'))
    const asked = verdictOf(server.desk.decide(request, 0))
    await server.pass(0)
    const verdict = await asked
    server.answer = () => ['ok', '[]', '']
    await server.pass(40)
    const ticket = verdict.kind === 'away' ? verdict.ticket : undefined
    server.desk.settle(used(4, ticket), 0)
    await server.pass(40)
    const late = server.sent.flatMap((each) => each.late)
    assert.deepEqual(late, [[0, 0, 7, 1_000, 4]])
    assert.deepEqual(
      server.sent.flatMap((each) => each.settled),
      [],
    )
  })

  it('settles what was settled in a call that has not run, once more', async () => {
    const server = createDesk()
    server.answer = () => Promise.reject(new Error('timeout'))
    server.desk.settle({ ...used(-3), buckets: [7] }, 0)
    server.desk.settle(used(5), 0)
    await server.pass(20)
    assert.deepEqual(server.sent[0]?.settled, [[0, 7, -3]])
    server.answer = () => ['ok', '[]', '']
    await server.pass(60)
    server.answer = () => ['ok', '[]']
    await server.pass(60)
    assert.deepEqual(server.sent.at(-1)?.settled, [[0, 7, -3]])
    assert.equal(server.sent.filter(({ late }) => late.length > 0).length, 2)
    // Had it run, nothing would be left.
    const count = server.sent.length
    await server.pass(100)
    assert.equal(server.sent.length, count)
  })

  it('reports slots that were taken without the server, and frees them', async () => {
    const server = createDesk()
    server.state.current = 'away'
    server.desk.taken(['s'], 0)
    server.state.current = 'joined'
    server.answer = () => ['ok', '[]']
    server.desk.joined()
    await server.pass(0)
    assert.deepEqual(server.sent[0]?.own, { s: 1 })
    server.desk.settle({ ...used(0), slots: 1 }, 0)
    await server.pass(30)
    assert.deepEqual(server.sent[1]?.own, { s: 0 })
  })

  it('joins again when the server has lost its membership, and counts nothing of that call', async () => {
    const server = createDesk()
    server.answer = () => ['lost']
    const asked = verdictOf(server.desk.decide(request, 0))
    await server.pass(0)
    assert.deepEqual(await asked, { kind: 'away' })
    assert.equal(server.state.rejoined, 1)
    assert.deepEqual(server.sent.at(-1)?.unsure, [])
  })

  it('decides nothing more while it is unsure of many calls', async () => {
    const server = createDesk()
    server.answer = () => Promise.reject(new Error('timeout'))
    for (let call = 0; call < 20; call++) {
      const asked = verdictOf(server.desk.decide(request, 0))
      await server.pass(0)
      assert.equal((await asked).kind, 'away')
    }
    assert.equal(server.sent.at(-1)?.requests.length, 0)
    assert.equal(server.sent.at(-1)?.unsure.length, 8)
  })

  it('restores what it saw to a server that has lost calls, then asks again', async () => {
    const server = createDesk()
    const seen = ({ requests }: Sent, amount: number) => [
      'ok',
      `[[7]${requests.map(() => ',1').join('')}]`,
      `1000,${amount}`,
    ]
    server.answer = (sent) => seen(sent, 10)
    assert.equal((await server.decided(request)).kind, 'reserved')
    server.answer = (sent) => seen(sent, 20)
    assert.equal((await server.decided(request)).kind, 'reserved')
    // It knows the first call only.
    server.state.latest = 1
    server.answer = (sent) => (sent.acked > server.state.latest ? ['behind'] : seen(sent, 30))
    assert.equal((await server.decided(request)).kind, 'reserved')
    assert.deepEqual(server.reports, [
      { number: 2, amounts: [], isLast: false },
      { number: 2, amounts: [[0, 7, 1_000, 20, 1_000]], isLast: true },
    ])
    assert.deepEqual([server.state.losses, server.state.published], [1, ['amounts-lost']])
    assert.deepEqual(
      server.sent.map(({ acked }) => acked),
      [0, 1, 2, 2],
    )
  })

  it('reports nothing that calls have seen which the server still knows', async () => {
    const server = createDesk()
    server.answer = () => ['ok', '[[7],1]', '1000,10']
    await server.decided(request)
    server.state.latest = 1
    server.desk.missed()
    await server.pass(0)
    assert.deepEqual(server.reports, [{ number: 1, amounts: [], isLast: false }])
    assert.equal(server.state.losses, 0)
  })

  it('compares what it saw when it has made no call for long, and never before the first call', async () => {
    const server = createDesk()
    server.desk.joined()
    await server.pass(120_000)
    server.desk.beat()
    await server.pass(0)
    assert.equal(server.reports.length, 0)
    server.answer = () => ['ok', '[[7],1]', '1000,10']
    await server.decided(request)
    server.desk.beat()
    assert.equal(server.reports.length, 0)
    await server.pass(61_000)
    server.desk.beat()
    server.desk.beat()
    await server.pass(0)
    assert.equal(server.reports.length, 1)
  })

  it('lets no request wait longer than the timeout, however the server answers', async () => {
    const delays = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(
        delays,
        fc.array(fc.integer({ min: 0, max: 15 }), { maxLength: 40 }),
        async (answers, gaps) => {
          const server = createDesk()
          let calls = 0
          server.answer = ({ requests, unsure }) => {
            const delayMs = answers[calls++ % answers.length] ?? 0
            const text = `[[7]${requests.map(() => ',1').join('')}]`
            return new Promise((resolve, reject) => {
              // As the runner does: the call itself ends after the timeout.
              server.clock.after(Math.min(delayMs, 20), () =>
                delayMs > 20 ? reject(new Error('timeout')) : resolve(['ok', text, ...unsure.map(() => '')]),
              )
            })
          }
          const waits: number[] = []
          for (const gap of gaps) {
            const sinceMs = server.clock.monotonicMs()
            void verdictOf(server.desk.decide(request, 0)).then(() =>
              waits.push(server.clock.monotonicMs() - sinceMs),
            )
            await server.pass(gap)
          }
          for (let more = 0; more < 30; more++) await server.pass(1)
          assert.equal(waits.length, gaps.length)
          assert.ok(
            waits.every((ms) => ms <= 20),
            waits.join(' '),
          )
        },
      ),
      { numRuns: 30 },
    )
  })
})
