import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { parse, stringify } from 'yaml'

/** The APIs of a llama.cpp server that the gateway can translate to, with their paths. */
export const serverApis = {
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
  responses: '/v1/responses',
  messages: '/v1/messages',
} as const

export type ServerApi = keyof typeof serverApis

interface Profile {
  name: string
  routing: { prefixes: string[] }
  api: { openai_compatible: boolean; paths: string[]; anthropic_support: { enabled: boolean } }
}

const stock = new URL('../../config/profiles/llamacpp.yaml', import.meta.url)

/** A folder of a user's own profiles: the one of llama.cpp for each name, with only some of its APIs. */
export async function profileFolder(
  t: TestContext,
  kinds: Readonly<Record<string, readonly ServerApi[]>>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'olla-real-profiles-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const text = await readFile(stock, 'utf8')
  for (const [name, apis] of Object.entries(kinds)) {
    const profile = parse(text) as Profile
    const has = (api: ServerApi) => apis.includes(api)
    const off = (Object.keys(serverApis) as ServerApi[]).filter((api) => !has(api))
    profile.name = name
    profile.routing.prefixes = [name]
    profile.api.paths = profile.api.paths.filter((path) => !off.some((api) => serverApis[api] === path))
    profile.api.anthropic_support.enabled = has('messages')
    profile.api.openai_compatible = has('chat')
    await writeFile(join(folder, `${name}.yaml`), stringify(profile))
  }
  return folder
}
