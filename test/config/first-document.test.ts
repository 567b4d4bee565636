import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { validate } from '../../src/config/file/validate.ts'

/** The module as in a process that has validated nothing. */
async function fresh(name: string): Promise<typeof validate> {
  const module: { validate: typeof validate } = await import(
    `../../src/config/file/validate.ts?${encodeURIComponent(name)}`
  )
  return module.validate
}

const endpoint = { url: 'http://h:1', name: 'a', type: 'vllm' }

/** A process compiles the whole schema only for its second document. */
describe('the first document', () => {
  validate({})
  for (const document of [
    {},
    { server: { port: 1 }, discovery: { static: { endpoints: [endpoint] } } },
    { server: { prot: 1, rate_limits: { burst_size: -1, x: 1 } }, unknown: 1 },
    { server: 3, logging: { level: [] } },
    { server: { write_timeout: 5, threads: 'many' }, proxy: { sticky_sessions: { key_sources: ['x'] } } },
    { discovery: { static: { endpoints: [{ name: 'a' }, { ...endpoint, priority: 'x' }] } } },
    { model_aliases: { a: 1, b: ['c'] }, 'x-own': { server: 1 } },
    { logging: null, proxy: { engine: 'sherpa', stickySessions: true } },
  ]) {
    it(`has the same problems as another: ${JSON.stringify(document)}`, async () => {
      const first = await fresh(JSON.stringify(document))
      assert.deepEqual(first(document), validate(document))
    })
  }
})
