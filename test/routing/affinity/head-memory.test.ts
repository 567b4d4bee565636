import assert from 'node:assert/strict'
import { it } from 'node:test'
import { HeadMemory } from '../../../src/routing/affinity/head-memory.ts'
import { FakeClock } from '../../support/fake-clock.ts'

it('HeadMemory remembers every endpoint that has computed a head, for a limited time and number', async () => {
  const clock = new FakeClock()
  const heads = new HeadMemory(clock, 1_000)
  heads.add(1, 0)
  heads.add(1, 2)
  heads.add(1, 2)
  heads.add(2, 0)
  assert.deepEqual([heads.slotsOf(1), heads.slotsOf(2), heads.slotsOf(3)], [[0, 2], [0], undefined])
  heads.purge(0)
  assert.deepEqual([heads.slotsOf(1), heads.slotsOf(2)], [[2], undefined])
  await clock.advance(900)
  heads.add(1, 1)
  await clock.advance(900)
  assert.deepEqual(heads.slotsOf(1), [2, 1])
  await clock.advance(200)
  assert.equal(heads.slotsOf(1), undefined)
  for (let head = 0; head < 5_000; head++) heads.add(head, 0)
  const known = Array.from({ length: 5_000 }, (_, head) => heads.slotsOf(head)).filter(
    (each) => each !== undefined,
  )
  assert.equal(known.length, 1_000)
})
