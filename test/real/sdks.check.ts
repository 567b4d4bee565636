import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { startGateway } from '../support/gateway.ts'
import { python, sentence, skipReason, startLlamaServer } from './llama-server.ts'

describe('the official Python clients', { skip: skipReason() }, () => {
  it('work with a real llama.cpp server', async (t) => {
    const server = await startLlamaServer(t)
    const gateway = await startGateway(t, [{ url: server.url, type: 'auto' }])
    const script = join(import.meta.dirname, 'clients.py')
    const { stdout } = await promisify(execFile)(python, [script, gateway.url], { timeout: 60_000 })
    const { anthropic_too_long, ollama_show, ...seen } = JSON.parse(stdout) as Record<string, unknown>
    assert.deepEqual(seen, {
      openai_models: ['tiny'],
      openai_chat: sentence,
      openai_stream: sentence,
      openai_responses: sentence,
      openai_responses_stream: sentence,
      openai_unknown_model: 'model_not_found',
      anthropic_message: sentence,
      anthropic_stream: sentence,
      anthropic_tokens: true,
      // The server has none of Ollama's routes.
      ollama_list: ['tiny'],
      ollama_chat: sentence,
      ollama_stream: sentence,
      ollama_generate: sentence,
      ollama_unknown_model: [404, true],
    })
    assert.match(String(anthropic_too_long), /^prompt is too long: \d+ tokens > \d+ maximum/)
    assert.ok(Array.isArray(ollama_show) && ollama_show.includes('completion'))
  })
})
