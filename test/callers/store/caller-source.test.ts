import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CallerChanges } from '../../../src/callers/contract/records.ts'
import { CallerSource } from '../../../src/callers/store/caller-source.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const nothing: Omit<CallerChanges, 'revision'> = {
  isWhole: false,
  keys: [],
  hashes: [],
  teams: [],
  owners: [],
  deletedKeys: [],
  deletedTeams: [],
  deletedOwners: [],
}

describe('the source of callers', () => {
  it('reads one change at a time, once for all that wait', async () => {
    let revision = 1
    let reading = 0
    let maxReading = 0
    const applied: number[] = []
    const source = new CallerSource({
      store: {
        load: async () => ({ ...nothing, revision }),
        revision: async () => revision,
        changes: async () => {
          maxReading = Math.max(maxReading, ++reading)
          const read = revision
          await new Promise((resolve) => setImmediate(resolve))
          reading--
          return { ...nothing, revision: read }
        },
      },
      clock: new FakeClock(),
      intervalMs: 0,
      onChange: (changes) => applied.push(changes.revision),
      onState: () => assert.fail('the store is there'),
    })
    await source.start()
    revision = 2
    const first = source.refresh()
    await Promise.resolve()
    await Promise.resolve()
    await Promise.resolve()
    revision = 3
    await Promise.all([first, source.refresh(), source.refresh(), source.refresh()])
    assert.deepEqual([applied, maxReading], [[2, 3], 1])
    source.stop()
  })
})
