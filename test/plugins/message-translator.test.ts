import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import messageTranslator, { type MessageTranslatorOptions } from '../../plugins/message-translator.ts'
import { GatewayCells } from '../../src/state/cells.ts'

/** The plugin with nothing of what it depends on but what it touches. */
async function createApp(t: TestContext, options: Partial<MessageTranslatorOptions> = {}) {
  const app = Fastify()
  t.after(() => app.close())
  const warnings: unknown[] = []
  app.log.warn = (told: unknown) => {
    warnings.push(told)
  }
  for (const name of ['gateway-state', 'gateway-upstream-pools', 'gateway-model-discovery']) {
    await app.register(fp((_app, _options, done) => done(), { name }))
  }
  app.decorate('gatewayCells', new GatewayCells({ endpoints: 1, models: 1, placements: 1 }))
  await app.register(messageTranslator, { version: '1.2.3', ...options })
  return { app, warnings }
}

const call = {
  body: Buffer.from('{"model":"m","messages":[{"role":"user","content":"a"}]}'),
  modelSpan: undefined,
  model: 'm',
  query: '',
  isStream: false,
  requestId: 'req',
}

describe('message translator', () => {
  it('passes through unless told otherwise, and records nothing', async (t) => {
    const { app, warnings } = await createApp(t)
    assert.equal(app.messageTranslator.passthrough, true)
    assert.equal(app.messageTranslator.sessionHeader, undefined)
    assert.deepEqual(warnings, [])
    app.messageTranslator.variants(call, undefined)
    assert.equal((await createApp(t, { passthrough: false })).app.messageTranslator.passthrough, false)
  })

  it('warns while the inspector is on, and has written everything when it closes', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'olla-gateway-inspector-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const inspector = { folder, sessionHeader: 'x-who', maxFileBytes: 10_000, maxDays: 1 }
    const { app, warnings } = await createApp(t, { inspector })
    assert.deepEqual(warnings, [{ folder }])
    assert.equal(app.messageTranslator.sessionHeader, 'x-who')
    app.messageTranslator.variants(call, 'me')
    await app.close()
    const [day] = await readdir(folder)
    assert.deepEqual(await readdir(join(folder, day ?? '')), ['me.jsonl'])
  })

  it('says which dependency is missing', async () => {
    const app = Fastify()
    await assert.rejects(
      async () => app.register(messageTranslator, { version: '1' }),
      /gateway-state.*gateway-message-translator/,
    )
  })
})
