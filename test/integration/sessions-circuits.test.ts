import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { engineOf, engines } from './engines.ts'

const good = { body: { choices: [{ message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }] } }
const failures = {
  'a 500': { status: 500, body: { error: 'out of memory' } },
  'a web page': { headers: { 'content-type': 'text/html' }, body: '<html>login</html>' },
}
const sessions = 24

for (const engine of engines) {
  describe(`sessions on an endpoint with the circuit of one model open (${engine})`, () => {
    for (const source of ['session_header', 'prefix_hash'] as const) {
      for (const [name, failure] of Object.entries(failures)) {
        it(`move to another endpoint at once, by ${source}, after ${name}`, async (t) => {
          const broken = await startScriptedEndpoint(t, ['m', 'n'], () => good)
          const other = await startScriptedEndpoint(t, ['m', 'n'], () => good)
          const { url, status } = await startGateway(
            t,
            [
              { url: broken.url, name: 'broken' },
              { url: other.url, name: 'other' },
            ],
            {
              proxy: {
                ...engineOf(engine),
                // Without a bound penalties keep no session away.
                sticky_sessions: { enabled: true, load_bound: 0, key_sources: [source] },
              },
            },
          )
          const ask = async (session: number, turns: number, model = 'm') => {
            const messages = Array.from({ length: 2 * turns - 1 }, (_, at) => ({
              role: at % 2 === 0 ? 'user' : 'assistant',
              content: `session ${session}, message ${at}`,
            }))
            const response = await fetch(`${url}/v1/chat/completions`, {
              method: 'POST',
              headers: {
                'content-type': 'application/json',
                ...(source === 'session_header' ? { 'x-olla-session-id': `s${session}` } : {}),
              },
              body: JSON.stringify({ model, messages }),
            })
            await response.arrayBuffer()
            return {
              status: response.status,
              endpoint: response.headers.get('x-olla-endpoint'),
              session: response.headers.get('x-olla-sticky-session'),
            }
          }
          const bound: number[] = []
          for (let session = 0; session < sessions; session++)
            if ((await ask(session, 1)).endpoint === 'broken') bound.push(session)
          assert.ok(bound.length >= 8, `${bound.length} sessions are bound to it`)

          broken.answer = ({ body }) => (body.model === 'm' ? failure : good)
          for (const session of bound.slice(0, -2)) {
            assert.equal((await ask(session, 2)).status, 200)
            await ask(session, 1, 'n')
          }
          const row = (await status()).find((each) => each.name === 'broken')
          assert.equal(row?.breaker?.state, 'closed')

          const callsForM = () => broken.calls.filter(({ body }) => body.model === 'm').length
          const before = callsForM()
          for (const session of bound.slice(-2)) {
            assert.deepEqual(await ask(session, 2), { status: 200, endpoint: 'other', session: 'repin' })
            assert.deepEqual(await ask(session, 3), { status: 200, endpoint: 'other', session: 'hit' })
          }
          assert.equal(callsForM(), before)
        })
      }
    }
  })
}
