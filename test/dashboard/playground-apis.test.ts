import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readAnswer } from '../../dashboard/src/api/chat-stream.ts'
import { playgroundApis } from '../../dashboard/src/api/dialects.ts'
import { type ChatRun, startedRun, withChatEvent } from '../../dashboard/src/state/chat-run.ts'
import { callersSecret, configuredKey } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'
import { withSimulator } from '../support/simulator.ts'

const model = 'qwen3:8b'

describe('the APIs of the playground', () => {
  it('show an answer, its end and its usage, streamed and whole, on endpoints of any kind', async (t) => {
    for (const kind of ['ollama', 'vllm'] as const) {
      const simulator = await withSimulator(t, { kind, name: kind, models: [model] })
      const gateway = await startGateway(t, [{ url: simulator.url, type: kind }])
      for (const api of playgroundApis) {
        for (const isStream of [true, false]) {
          const chat = {
            model,
            messages: [
              { role: 'system', content: 'Be brief.' },
              { role: 'user', content: 'Count to three' },
            ] as const,
            temperature: 0.5,
            maxTokens: 4,
            isStream,
          }
          const response = await fetch(`${gateway.url}/${api.path}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(api.body(chat)),
          })
          let run: ChatRun = withChatEvent(
            startedRun(model, 0),
            { kind: 'answered', status: response.status, served: servedBy },
            1,
          )
          for await (const event of readAnswer(response, api)) run = withChatEvent(run, event, 2)
          const name = `${api.title} on ${kind}, ${isStream ? 'streamed' : 'whole'}`
          assert.deepEqual([run.phase, run.error], ['done', undefined], name)
          assert.match(run.text, new RegExp(`^\\[${kind}\\] the quick`), name)
          assert.equal(run.usage?.completionTokens, 4, name)
          assert.ok((run.usage?.promptTokens ?? 0) > 0, name)
          assert.ok(isStream ? run.rawCount > 2 : run.rawCount === 1, name)
        }
      }
    }
  })

  it('show why a request failed, and its body', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model] })
    const gateway = await startGateway(t, [{ url: simulator.url, type: 'vllm' }])
    for (const api of playgroundApis) {
      const chat = {
        model: 'none',
        messages: [],
        temperature: undefined,
        maxTokens: undefined,
        isStream: true,
      }
      const body = JSON.stringify(api.body({ ...chat, messages: [{ role: 'user', content: 'Hi' }] }))
      const response = await fetch(`${gateway.url}/${api.path}`, { method: 'POST', body })
      let run = startedRun('none', 0)
      for await (const event of readAnswer(response, api)) run = withChatEvent(run, event, 1)
      assert.equal(run.phase, 'failed', api.title)
      assert.match(run.error ?? '', /none/, api.title)
      assert.equal(run.rawCount, 1, api.title)
    }
  })
})

describe('the APIs of the playground with API keys', () => {
  it('send the key as their clients do', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model] })
    const { key, entry } = configuredKey('ann')
    const gateway = await startGateway(t, [{ url: simulator.url, type: 'vllm' }], {
      callers: { secret: callersSecret, keys: [entry] },
    })
    const messages = [{ role: 'user', content: 'Hi' }] as const
    const chat = { model, messages, temperature: undefined, maxTokens: 4, isStream: false }
    for (const api of playgroundApis) {
      const statusWith = async (headers: Readonly<Record<string, string>>) => {
        const body = JSON.stringify(api.body(chat))
        return (await fetch(`${gateway.url}/${api.path}`, { method: 'POST', body, headers })).status
      }
      assert.deepEqual([await statusWith({}), await statusWith(api.keyHeaders(key))], [401, 200], api.title)
    }
  })
})

const servedBy = {
  headers: [],
  endpoint: undefined,
  backendType: undefined,
  requestId: undefined,
  attempts: undefined,
  decision: undefined,
  reason: undefined,
}
