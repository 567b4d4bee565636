import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { sentence, startLlamaServer } from '../real/llama-server.ts'
import { type EndpointInput, startGateway } from '../support/gateway.ts'
import { withSimulator } from '../support/simulator.ts'

const clients = process.env.OLLA_NIGHTLY_CLIENTS ?? join(import.meta.dirname, '.clients')
const claude = join(clients, 'node_modules/.bin/claude')
const codex = join(clients, 'node_modules/.bin/codex')
const ollama = join(clients, 'bin/ollama')

const missing = (program: string) =>
  !existsSync(program) && 'not installed: run test/nightly/install.sh first'

/** An agent's own prompt is some 20,000 words, and the model has a token for each byte. */
const agentContext = 262_144

/** Runs a client in an empty home, so that nothing of this machine's own configuration is used. */
async function runClient(
  t: TestContext,
  program: string,
  args: readonly string[],
  env: Record<string, string>,
) {
  const home = await mkdtemp(join(tmpdir(), 'olla-nightly-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  return new Promise<{ code: number | string; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(
      program,
      [...args],
      {
        cwd: home,
        timeout: 120_000,
        maxBuffer: 64 * 1024 * 1024,
        env: { PATH: process.env.PATH ?? '', HOME: home, ...env },
      },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }),
    )
    child.stdin?.end()
  })
}

async function before(t: TestContext, behaviour: 'says' | 'calls' = 'says', sections = {}) {
  const server = await startLlamaServer(t, { behaviour, context: agentContext })
  return startGateway(t, [{ url: server.url, type: 'llamacpp' }], sections)
}

describe('Claude Code', { skip: missing(claude) }, () => {
  const claudeEnv = (url: string) => ({
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_AUTH_TOKEN: 'any',
    ANTHROPIC_MODEL: 'tiny',
    ANTHROPIC_DEFAULT_HAIKU_MODEL: 'tiny',
    ANTHROPIC_DEFAULT_SONNET_MODEL: 'tiny',
    ANTHROPIC_DEFAULT_OPUS_MODEL: 'tiny',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
  })
  for (const passthrough_enabled of [true, false]) {
    it(`answers, ${passthrough_enabled ? 'passed through' : 'translated'}`, async (t) => {
      const gateway = await before(t, 'says', { translators: { anthropic: { passthrough_enabled } } })
      const { stdout, stderr } = await runClient(t, claude, ['-p', 'hello'], claudeEnv(gateway.url))
      assert.equal(stdout.trim(), sentence, stderr)
    })
  }
})

describe('Codex', { skip: missing(codex) }, () => {
  it('answers', async (t) => {
    const gateway = await before(t)
    const provider = `{name="olla",base_url="${gateway.url}/v1",wire_api="responses"}`
    const args = ['exec', '--skip-git-repo-check', '--json', '-c', 'model_provider=olla', '-c', 'model=tiny']
    const { stdout, stderr } = await runClient(
      t,
      codex,
      [...args, '-c', `model_providers.olla=${provider}`, 'hello'],
      {},
    )
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
    assert.match(await run('ps'), /llama3\.2:3b/)
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
