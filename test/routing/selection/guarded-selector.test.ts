import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { guardedSelector } from '../../../src/routing/selection/guarded-selector.ts'
import type { EndpointSelector } from '../../../src/routing/selection/selector.ts'
import { candidates, WrittenLoad } from './support.ts'

const some = candidates({}, {}, {})
const last: EndpointSelector = {
  strategy: 'last',
  select: (each) => each.at(-1),
  peek: (each) => each.at(-1),
}

function guarded(own: Partial<EndpointSelector>) {
  const load = new WrittenLoad()
  const errors: unknown[] = []
  const selector = guardedSelector(
    { strategy: 'own', select: () => undefined, ...own },
    last,
    load,
    (error) => errors.push(error),
  )
  const slot = (excluded?: ReadonlySet<number>) => selector.select(some, excluded)?.endpoint.slot
  return { selector, load, errors, slot }
}

describe('a guarded selector', () => {
  it('respects its choice, including none', () => {
    const { selector, slot } = guarded({ select: (each) => each[0] })
    assert.equal(selector.strategy, 'own')
    assert.equal(slot(), 0)
    assert.equal(guarded({}).slot(), undefined)
  })

  it('uses the built-in selector if it chooses an excluded or unavailable endpoint', () => {
    const { load, slot } = guarded({ select: (each) => each[0] })
    assert.equal(slot(new Set([0])), 2)
    load.closed.add(0)
    assert.equal(slot(), 2)
  })

  it('uses the built-in selector if it throws, and reports the error', () => {
    const error = new Error('mine')
    const { errors, slot } = guarded({
      select() {
        throw error
      },
    })
    assert.equal(slot(), 2)
    assert.deepEqual(errors, [error])
  })

  it('supports a dry run only if the selector does, and if it does not throw', () => {
    assert.equal(guarded({}).selector.peek, undefined)
    assert.equal(guarded({ peek: (each) => each[1] }).selector.peek?.(some, undefined)?.endpoint.slot, 1)
    const { selector, errors } = guarded({
      peek() {
        throw new Error('mine')
      },
    })
    assert.equal(selector.peek?.(some, undefined), undefined)
    assert.equal(errors.length, 1)
  })
})
