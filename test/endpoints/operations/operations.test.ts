import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { OperationKind, OperationOrder } from '../../../src/endpoints/operations/contract/operation.ts'
import { settle } from '../../support/fake-clock.ts'
import { model, operationsOn } from './support.ts'

const order = (kind: OperationKind, more: Partial<OperationOrder> = {}): OperationOrder => ({
  kind,
  model: 'a',
  endpoints: undefined,
  isForced: false,
  by: 'test',
  ...more,
})

describe('Operations', () => {
  it('begin an order once while it is under way', async () => {
    const { operations, serverOf, told } = operationsOn(['box'], [model('a')])
    const gate = Promise.withResolvers<void>()
    serverOf('box').gate = gate.promise
    const started = await Promise.all(Array.from({ length: 8 }, () => operations.start(order('load'))))
    assert.deepEqual([...new Set(started.map((each) => each.operations[0]?.id))], ['op-1'])
    assert.deepEqual(serverOf('box').asked, ['/api/generate a undefined'])
    gate.resolve()
    const [ended] = await operations.whenOver(['op-1'], 1_000)
    assert.equal(ended?.state, 'done')
    assert.deepEqual(told, ['op-1 load running ', 'op-1 load done in memory'])
    const again = await operations.start(order('load'))
    assert.equal(again.operations[0]?.id, 'op-2')
  })

  it('hold a model only while it is taken away, and refuse if it is busy', async () => {
    const { operations, state, held } = operationsOn(['box'], [model('a')])
    state.busy = 2
    const busy = await operations.start(order('unload'))
    assert.deepEqual(busy.operations, [])
    assert.equal(busy.refused[0]?.code, 'conflict')
    assert.match(busy.refused[0]?.reason ?? '', /"a" is busy at "box": 2 in flight/)
    state.busy = undefined
    const unknown = await operations.start(order('unload'))
    assert.match(unknown.refused[0]?.reason ?? '', /did not say/)
    assert.deepEqual(held, ['hold 0 a', 'release 0 a', 'hold 0 a', 'release 0 a'])
    state.busy = 2
    const forced = await operations.start(order('unload', { isForced: true }))
    assert.equal((await operations.whenOver([forced.operations[0]?.id ?? ''], 1_000))[0]?.state, 'done')
    assert.deepEqual(held.slice(4), ['hold 0 a', 'release 0 a'])
  })

  it('refuse what contradicts an operation under way', async () => {
    const { operations, serverOf } = operationsOn(['box', 'two'], [model('a'), model('b')])
    const at = { endpoints: ['box'] }
    const gate = Promise.withResolvers<void>()
    serverOf('box').gate = gate.promise
    await operations.start(order('load', at))
    const { refused } = await operations.start(order('unload', at))
    assert.match(refused[0]?.reason ?? '', /load of "a" is under way at "box" \(op-1\)/)
    // Another model, and the same at another endpoint, do not.
    assert.equal((await operations.start(order('unload', { ...at, model: 'b' }))).refused.length, 0)
    assert.equal((await operations.start(order('unload', { endpoints: ['two'] }))).refused.length, 0)
    gate.resolve()
  })

  it('report the failure of an endpoint and of each named one that cannot', async () => {
    const { operations, serverOf, told } = operationsOn(['box'], [model('a')])
    serverOf('box').failure = 'out of memory'
    const { operations: begun } = await operations.start(order('load'))
    const [ended] = await operations.whenOver([begun[0]?.id ?? ''], 1_000)
    assert.deepEqual([ended?.state, ended?.detail], ['failed', 'out of memory'])
    assert.equal(told.at(-1), 'op-1 load failed out of memory')
    const { refused } = await operations.start(order('sleep', { endpoints: ['box', 'gone'] }))
    assert.deepEqual(
      refused.map(({ code }) => code),
      ['operation_not_supported', 'not_found'],
    )
    assert.match(refused[0]?.reason ?? '', /cannot sleep\. It can: load, unload, pull, delete\./)
  })

  it('cancel, and end all on stop', async () => {
    const { operations, serverOf } = operationsOn(['box', 'two'], [model('a')])
    serverOf('box').gate = new Promise(() => {})
    serverOf('two').gate = new Promise(() => {})
    await operations.start(order('load', { endpoints: ['*'] }))
    assert.equal(operations.cancel('op-1', 'me')?.state, 'cancelled')
    assert.equal(operations.cancel('op-9', 'me'), undefined)
    const waiting = operations.whenOver(['op-1', 'op-2'], 60_000)
    operations.stop()
    assert.deepEqual(
      (await waiting).map(({ state }) => state),
      ['cancelled', 'cancelled'],
    )
  })

  it('answer a wait whose time is over, and keep a bounded number', async () => {
    const { operations, serverOf, clock } = operationsOn(['box'], [model('a')])
    for (let at = 0; at < 250; at++) {
      const { operations: begun } = await operations.start(order('load'))
      await operations.whenOver([begun[0]?.id ?? ''], 1_000)
    }
    assert.equal(operations.list().length, 200)
    assert.equal(operations.list()[0]?.id, 'op-250')
    serverOf('box').gate = new Promise(() => {})
    await operations.start(order('load'))
    const waiting = operations.whenOver(['op-251'], 5_000)
    await clock.advance(5_000)
    assert.equal((await waiting)[0]?.state, 'running')
    await settle()
  })

  it('prefer the endpoint that has the model in memory, then the one with the least', async () => {
    const big = model('big', { state: 'loaded', sizeBytes: 9_000 })
    const { operations, catalog } = operationsOn(['full', 'some', 'none'], [big, model('a')])
    const load = async () => (await operations.start(order('load'))).operations[0]?.endpoint
    catalog.setLoaded(1, new Map([['big', { sizeBytes: 10 }]]))
    catalog.setLoaded(2, new Map())
    assert.equal(await load(), 'none')
    catalog.setLoaded(
      0,
      new Map([
        ['a', {}],
        ['big', {}],
      ]),
    )
    assert.equal(await load(), 'full')
  })
})
