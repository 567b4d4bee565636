import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { garbageCollector } from '../../../src/runtime/lifecycle/collect-garbage.ts'

it('collects unreferenced objects, and leaves no `gc` behind', async () => {
  const collect = garbageCollector()
  const weak = new WeakRef({ held: false })
  // A weak reference holds its target until the end of the turn.
  await setImmediate()
  collect()
  assert.equal(weak.deref(), undefined)
  assert.equal('gc' in globalThis, false)
})
