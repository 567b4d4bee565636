import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import messageTranslator, {
  type MessageTranslatorOptions,
} from '../../plugins/dialects/message-translator.ts'
import tokenCounter from '../../plugins/dialects/token-counter.ts'
import inspector, { type InspectorOptions } from '../../plugins/observe/inspector.ts'
import { loadTokenizer } from '../../src/dialects/translate/messages-to-chat/tokens/token-estimate.ts'
import { LocalLink } from '../../src/runtime/links/local-link.ts'
import type { PeerLink } from '../../src/runtime/links/peer-link.ts'

const dependencies = ['gateway-peers', 'gateway-upstream-pools', 'gateway-model-discovery']

/** The plugin with nothing of what it depends on but what it touches. */
async function createApp(
  t: TestContext,
  options: Partial<MessageTranslatorOptions> = {},
  link: PeerLink = new LocalLink(() => {}),
  inspected?: InspectorOptions,
) {
  const app = Fastify()
  t.after(() => app.close())
  const warnings: unknown[] = []
  app.log.warn = (told: unknown) => {
    warnings.push(told)
  }
  for (const name of dependencies) await app.register(fp((_app, _options, done) => done(), { name }))
  app.decorate('gatewayPeers', link)
  if (inspected !== undefined) await app.register(inspector, inspected)
  await app.register(tokenCounter, { translators: options.translators })
  await app.register(messageTranslator, options)
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
  it('passes requests through by default, and records nothing', async (t) => {
    const { app, warnings } = await createApp(t)
    assert.equal(app.messageTranslator.passthrough, true)
    assert.equal(app.messageTranslator.sessionHeader, undefined)
    assert.deepEqual(warnings, [])
    app.messageTranslator.variants(call, undefined)
    assert.equal(
      (await createApp(t, { translators: { anthropic: { passthrough_enabled: false } } })).app
        .messageTranslator.passthrough,
      false,
    )
  })

  it('warns while the inspector is on, and writes everything before it closes', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'olla-gateway-inspector-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const inspected = {
      translators: { anthropic: { inspector: { output_dir: folder, session_header: 'X-Who' } } },
    }
    const { app, warnings } = await createApp(t, {}, new LocalLink(() => {}), inspected)
    assert.deepEqual(warnings, [{ folder }])
    assert.equal(app.messageTranslator.sessionHeader, 'x-who')
    app.messageTranslator.variants(call, 'me')
    await app.close()
    const [day] = await readdir(folder)
    assert.deepEqual(await readdir(join(folder, day ?? '')), ['me.jsonl'])
  })

  it('warns once if the requested tokenizer is not installed, and estimates by rules', async (t) => {
    const { app, warnings } = await createApp(t, {
      translators: { anthropic: { tokenizer: 'gpt-tokenizer' } },
    })
    assert.deepEqual(warnings, [])
    await app.close()
    const hooks = registerHooks({
      resolve(specifier, context, next) {
        if (!specifier.startsWith('gpt-tokenizer')) return next(specifier, context)
        throw Object.assign(new Error('not installed'), { code: 'ERR_MODULE_NOT_FOUND' })
      },
    })
    t.after(() => hooks.deregister())
    const first = await createApp(t, { translators: { anthropic: { tokenizer: 'gpt-tokenizer' } } })
    assert.match(String(first.warnings), /gpt-tokenizer is not installed \(npm install gpt-tokenizer\)/)
    const second = Object.assign(new LocalLink(() => {}), { thread: 1 })
    assert.deepEqual(
      (await createApp(t, { translators: { anthropic: { tokenizer: 'gpt-tokenizer' } } }, second)).warnings,
      [],
    )
    assert.deepEqual(
      (await createApp(t, { translators: { anthropic: { tokenizer: 'rules' } } })).warnings,
      [],
    )
    assert.equal((await loadTokenizer('gpt-tokenizer'))('antidisestablishmentarianism'), 4)
  })

  it('reports which dependency is missing', async () => {
    const app = Fastify()
    await assert.rejects(
      async () => app.register(messageTranslator),
      /gateway-model-discovery.*gateway-message-translator/,
    )
  })
})
