import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { boundedFields, eventLine } from '../../../src/observe/logging/event-lines.ts'
import type { GatewayEvent, GatewayEvents } from '../../../src/runtime/events/events.ts'

const discovered = (data: Partial<GatewayEvents['discovery.completed']>): GatewayEvent => ({
  type: 'discovery.completed',
  sequence: 1,
  atMs: 0,
  data: { endpoint: 'e', models: 1, added: [], removed: [], ignored: 0, ...data },
})

describe('the log line of a model list', () => {
  it('warns of a list that is too long if it has changed', () => {
    assert.equal(eventLine(discovered({}))?.level, 'debug')
    assert.equal(eventLine(discovered({ added: ['m'] }))?.level, 'info')
    assert.equal(eventLine(discovered({ added: ['m'], ignored: 1 }))?.level, 'warn')
    assert.equal(eventLine(discovered({ ignored: 1 }))?.level, 'debug')
  })

  it('names a limited number of models', () => {
    const added = Array.from({ length: 10_000 }, (_, at) => `m${at}`)
    const fields = boundedFields({ endpoint: 'e', added, removed: ['a'] }) as { added: string[] }
    assert.equal(fields.added.length, 51)
    assert.equal(fields.added.at(-1), '… 9950 more')
    const short = { added: ['m'] }
    assert.equal(boundedFields(short), short)
  })
})
