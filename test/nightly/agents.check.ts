import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { sentence, startLlamaServer } from '../real/llama-server.ts'
import { type EndpointInput, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { claude, claudeEnv, codex, codexArgs, missing, ollama, runClient } from './run-client.ts'

/** An agent's own prompt is some 20,000 words, and the model has a token for each byte. */
const agentContext = 262_144

async function before(t: TestContext, behaviour: 'says' | 'calls' = 'says', sections = {}) {
  const server = await startLlamaServer(t, { behaviour, context: agentContext })
  return startGateway(t, [{ url: server.url, type: 'llamacpp' }], sections)
}

describe('Claude Code', { skip: missing(claude) }, () => {
  for (const passthrough_enabled of [true, false]) {
    it(`answers, ${passthrough_enabled ? 'passed through' : 'translated'}`, async (t) => {
      const gateway = await before(t, 'says', { translators: { anthropic: { passthrough_enabled } } })
      const { stdout, stderr } = await runClient(t, claude, ['-p', 'hello'], claudeEnv(gateway.url, 'tiny'))
      assert.equal(stdout.trim(), sentence, stderr)
    })
  }
})

describe('Codex', { skip: missing(codex) }, () => {
  it('answers', async (t) => {
    const gateway = await before(t)
    const { stdout, stderr } = await runClient(t, codex, [...codexArgs(gateway.url, 'tiny'), 'hello'], {})
    assert.ok(stdout.includes(sentence), `${stdout}\n${stderr}`)
  })
})

describe('the Ollama CLI', { skip: missing(ollama) }, () => {
  async function cli(t: TestContext, endpoints: readonly EndpointInput[]) {
    const gateway = await startGateway(t, endpoints)
    return async (...args: string[]) => {
      const { code, stdout, stderr } = await runClient(t, ollama, args, { OLLAMA_HOST: gateway.url })
      assert.equal(code, 0, `ollama ${args.join(' ')}: ${stderr}`)
      return stdout
    }
  }

  it('works before an Ollama server', async (t) => {
    const simulator = await withSimulator(t, { kind: 'ollama', models: ['llama3.2:3b'] })
    const run = await cli(t, [{ url: simulator.url, type: 'ollama' }])
    assert.match(await run('list'), /llama3\.2:3b/)
    assert.match(await run('show', 'llama3.2:3b'), /context length/)
    assert.notEqual((await run('run', 'llama3.2:3b', 'hello')).trim(), '')
    // The gateway asks what is in memory with its probes.
    await eventually(async () => (await run('ps')).includes('llama3.2:3b'))
    await run('stop', 'llama3.2:3b')
  })

  it('does not fail before a fleet of other kinds', async (t) => {
    const server = await startLlamaServer(t)
    const vllm = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    const run = await cli(t, [
      { url: server.url, type: 'llamacpp' },
      { url: vllm.url, type: 'vllm' },
    ])
    await run('list')
    await run('ps')
    assert.match(await run('show', 'tiny'), /context length/)
  })
})
