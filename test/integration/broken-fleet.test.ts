import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { strategyNames } from '../../src/config/schema/strategy-names.ts'
import { postChat, startGateway } from '../support/gateway.ts'
import { type ScriptedEndpoint, startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { engineOf, engines } from './engines.ts'

const good = { body: { choices: [{ message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }] } }
const failures: readonly ReturnType<ScriptedEndpoint['answer']>[] = [
  { status: 500, body: { error: 'out of memory' } },
  { status: 503, body: { error: 'loading' } },
  'reset',
  { headers: { 'content-type': 'text/html' }, body: '<html>login</html>' },
  { body: { error: { message: 'engine is dead' } } },
]
const kinds = [
  ['all in the same way', failures.slice(0, 1)],
  ['each in its own way', failures],
] as const

for (const engine of engines) {
  for (const balancer of strategyNames) {
    describe(`ten endpoints of which nine fail (${engine}, ${balancer})`, () => {
      for (const [title, ways] of kinds) {
        it(`lose no request of a burst although they fail ${title}`, async (t) => {
          const endpoints = await Promise.all(
            Array.from({ length: 10 }, (_, at) =>
              startScriptedEndpoint(t, ['m'], () =>
                at === 7 ? good : (ways[at % ways.length] ?? ('reset' as const)),
              ),
            ),
          )
          const { url } = await startGateway(
            t,
            endpoints.map((endpoint) => ({ url: endpoint.url })),
            { proxy: { ...engineOf(engine), load_balancer: balancer } },
          )
          const ask = async (client: number) => {
            const messages = [{ role: 'user', content: `I am client ${client}.` }]
            const response = await postChat(url, { model: 'm', messages })
            await response.arrayBuffer()
            return response.status
          }
          const statuses = await Promise.all(Array.from({ length: 30 }, (_, client) => ask(client)))
          assert.deepEqual(new Set(statuses), new Set([200]))
        })
      }
    })
  }
}
