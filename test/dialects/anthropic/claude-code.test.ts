import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fixture } from '../translate/messages-to-chat/support.ts'
import { behind, model, postMessages } from './support.ts'

/** What Claude Code does with `ANTHROPIC_BASE_URL` at the gateway itself, or below it. */
describe('Claude Code', () => {
  for (const base of ['', '/olla/anthropic']) {
    it(`finds every route that it requests at ${base === '' ? 'the root' : base}`, async (t) => {
      const all = await behind(t, ['sglang'])
      const [simulator] = all.simulators
      const before = simulator?.control.counters().requests
      for (const method of ['HEAD', 'GET']) {
        assert.equal((await fetch(`${all.gateway.url}${base}/api/hello`, { method })).status, 200)
      }
      const telemetry = await postMessages(all, { events: [] }, {}, `${base}/api/event_logging/batch`)
      assert.equal(telemetry.status, 200)
      assert.equal(simulator?.control.counters().requests, before, 'none of it is an endpoint’s business')

      const text = fixture('agent.request.json').toString().replace('qwen3-coder:30b', model)
      simulator?.control.script({
        reasoning: 'A test first.',
        toolCalls: [{ name: 'Bash', arguments: '{"command":"npm test"}' }],
      })
      const headers = {
        'anthropic-beta': 'claude-code-20250219,interleaved-thinking-2025-05-14',
        'x-stainless-helper-method': 'stream',
        authorization: 'Bearer any',
      }
      const response = await postMessages(all, text, headers, `${base}/v1/messages?beta=true`)
      assert.equal(response.status, 200)
      assert.match(await response.text(), /"name":"Bash".*input_json_delta.*"stop_reason":"tool_use"/s)
      const sent = JSON.parse(String(simulator?.control.requests().at(-1)?.body))
      assert.equal(sent.messages[0].content.includes('x-anthropic-billing-header'), false)
      assert.equal(simulator?.control.requests().at(-1)?.header('authorization'), undefined)

      const count = await postMessages(all, text, headers, `${base}/v1/messages/count_tokens?beta=true`)
      assert.equal(count.status, 200)
      assert.ok(((await count.json()) as { input_tokens: number }).input_tokens > 100)
    })
  }
})
