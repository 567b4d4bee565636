import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { type ScriptedAnswer, startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { engineOf, engines } from './engines.ts'

const good: ScriptedAnswer = {
  body: { object: 'chat.completion', model: 'as the endpoint says', choices: [] },
}
const failures: Readonly<Record<string, ScriptedAnswer | 'reset'>> = {
  'status 503': { status: 503, body: { error: 'busy' } },
  'status 429 with Retry-After': { status: 429, headers: { 'retry-after': '30' }, body: { error: 'limit' } },
  'a reset': 'reset',
}
const forms: Readonly<Record<string, Record<string, Record<string, unknown>>>> = {
  'an ordered alias': { model_aliases: { coder: { targets: ['glm', 'kimi'] } } },
  'a pooled alias': { model_aliases: { coder: ['glm', 'kimi'] } },
  'a weighted alias': {
    model_aliases: {
      coder: {
        targets: [
          { model: 'glm', weight: 9 },
          { model: 'kimi', weight: 1 },
        ],
      },
    },
  },
  'a model with a fallback': { model_fallbacks: { glm: ['kimi'] } },
} as never

for (const engine of engines) {
  for (const [form, sections] of Object.entries(forms)) {
    // The engine makes no difference to targets: one form shows that.
    if (engine !== 'olla' && form !== 'an ordered alias') continue
    describe(`${form} whose first target fails (${engine})`, () => {
      const asked = 'model_aliases' in sections ? 'coder' : 'glm'
      for (const [failure, bad] of Object.entries(failures)) {
        for (const places of ['two endpoints', 'one endpoint']) {
          it(`is served by the next target after ${failure}, on ${places}`, async (t) => {
            const both = places === 'one endpoint'
            const answer = ({ body }: { body: Readonly<Record<string, unknown>> }) =>
              body.model === 'glm' ? bad : good
            const lists = both ? [['glm', 'kimi']] : [['glm'], ['kimi']]
            const servers = await Promise.all(lists.map((models) => startScriptedEndpoint(t, models, answer)))
            const gateway = await startGateway(
              t,
              servers.map(({ url }, at) => ({
                url,
                name: `e${at}`,
                type: 'openai-compatible',
                // What an endpoint answers for one model is not this test's matter.
                health_check_url: '/health',
              })),
              { ...sections, proxy: { ...engineOf(engine), circuit_breaker: { enabled: false } } },
            )
            for (let request = 0; request < 4; request++) {
              const response = await postChat(gateway.url, { model: asked })
              assert.equal(response.status, 200)
              assert.equal(response.headers.get('x-olla-endpoint'), both ? 'e0' : 'e1')
              await response.text()
            }
            assert.ok(servers.flatMap(({ calls }) => calls).some(({ body }) => body.model === 'kimi'))
          })
        }
      }
    })
  }
}
