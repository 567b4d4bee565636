import assert from 'node:assert/strict'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts'
import { ConfigError, formatDiagnostic } from '../../src/config/schema/diagnostics.ts'

export const knownTypes = ['ollama', 'lm-studio', 'vllm', 'openai']

/** A new folder with these files. */
export async function folder(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'olla-config-'))
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), content)
  }
  return path
}

type Env = Readonly<Record<string, string>>

export async function load(content: string | Uint8Array, env: Env = {}): Promise<LoadedConfig> {
  return loadConfig({ env, cwd: await folder({ 'config.yaml': content }), knownTypes })
}

/** What is wrong with a file, a line each. */
export async function problems(content: string | Uint8Array, env: Env = {}): Promise<string> {
  try {
    await load(content, env)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.message
  }
  assert.fail('no error')
}

export function warningsOf({ warnings }: LoadedConfig): string {
  return warnings.map(formatDiagnostic).join('\n')
}

/** A file with these endpoints, written as the inside of a flow sequence. */
export const endpoints = (list: string) => `discovery: { static: { endpoints: [ ${list} ] } }\n`
