import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const clients = process.env.OLLA_NIGHTLY_CLIENTS ?? join(import.meta.dirname, '.clients')

export const claude = join(clients, 'node_modules/.bin/claude')
export const codex = join(clients, 'node_modules/.bin/codex')
export const ollama = process.env.OLLA_NIGHTLY_OLLAMA ?? join(clients, 'bin/ollama')
/** The agent loop of Ollama's CLI, see `ollama-agent/main.go`. */
export const ollamaAgent = join(clients, 'bin/ollama-agent')

/** Why a client cannot be run; false if it can. */
export function missing(program: string): string | false {
  return !existsSync(program) && 'not installed: run "npm run test:nightly:install" first'
}

/** Nothing listens there, so that a client reaches only what is on this machine. */
const noProxy = 'http://127.0.0.1:9'

/** An empty home and working folder. */
export async function emptyHome(t: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'olla-nightly-'))
  t.after(() => rm(home, { recursive: true, force: true, maxRetries: 3 }))
  return home
}

export interface Ran {
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a client in an empty home, so that it uses nothing of this machine's own configuration, and without the internet.
 * @param input on its standard input; by default it is empty
 */
export async function runClient(
  t: TestContext,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { home, input = '' }: { home?: string; input?: string } = {},
): Promise<Ran> {
  const folder = home ?? (await emptyHome(t))
  return new Promise<Ran>((resolve) => {
    const child = execFile(
      program,
      [...args],
      {
        cwd: folder,
        timeout: 120_000,
        maxBuffer: 64 * 1024 * 1024,
        env: {
          PATH: process.env.PATH ?? '',
          HOME: folder,
          HTTP_PROXY: noProxy,
          HTTPS_PROXY: noProxy,
          NO_PROXY: '127.0.0.1,localhost',
          DISABLE_TELEMETRY: '1',
          ...env,
        },
      },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }),
    )
    child.stdin?.end(input)
  })
}

/** Claude Code's way to a gateway. */
export function claudeEnv(url: string, model: string): Record<string, string> {
  return {
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_AUTH_TOKEN: 'any',
    ANTHROPIC_MODEL: model,
    ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
    ANTHROPIC_DEFAULT_SONNET_MODEL: model,
    ANTHROPIC_DEFAULT_OPUS_MODEL: model,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
  }
}

/**
 * Codex' way to a gateway.
 * @param name of the provider; only one named OpenAI is asked to compact conversations
 */
export function codexArgs(url: string, model: string, name = 'olla'): string[] {
  const provider = `{name="${name}",base_url="${url}/v1",wire_api="responses"}`
  return [
    'exec',
    '--skip-git-repo-check',
    '--json',
    '-c',
    'model_provider=olla',
    '-c',
    `model=${model}`,
    '-c',
    `model_providers.olla=${provider}`,
  ]
}
