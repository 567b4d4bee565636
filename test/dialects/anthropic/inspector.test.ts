import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { eventually } from '../../support/simulator.ts'
import { behind, postMessages, request } from './support.ts'

async function folderFor(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'olla-gateway-inspector-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function entries(folder: string): Promise<Record<string, { type: string; body: unknown }[]>> {
  const found: Record<string, { type: string; body: unknown }[]> = {}
  for (const day of await readdir(folder)) {
    for (const file of await readdir(join(folder, day))) {
      const text = await readFile(join(folder, day, file), 'utf8')
      found[file] = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string; body: unknown })
    }
  }
  return found
}

describe('inspector', () => {
  it('records requests of both modes and translated answers, by session', async (t) => {
    const folder = await folderFor(t)
    const all = await behind(t, ['sglang'], {
      translators: {
        anthropic: { inspector: { enabled: true, output_dir: folder, session_header: 'X-Who' } },
      },
    })
    await (await postMessages(all, { ...request, max_tokens: 1 }, { 'x-who': 'me' })).text()
    await (await postMessages(all, { ...request, max_tokens: 1, stream: true }, { 'x-who': '../you' })).text()
    await eventually(async () => {
      const found = await entries(folder).catch(() => ({}) as Awaited<ReturnType<typeof entries>>)
      return (found['me.jsonl']?.length ?? 0) >= 2 && (found['default.jsonl']?.length ?? 0) >= 2
    })
    const found = await entries(folder)
    const mine = found['me.jsonl'] ?? []
    assert.deepEqual(
      mine.map(({ type }) => type),
      ['request', 'response'],
    )
    assert.equal((mine[0]?.body as { max_tokens?: number } | undefined)?.max_tokens, 1)
    assert.equal((mine[1]?.body as { type?: string } | undefined)?.type, 'message')
    const streamed = found['default.jsonl']
      ?.slice(1)
      .map(({ body }) => String(body))
      .join('')
    assert.match(streamed ?? '', /message_start.*message_stop/s)
  })

  it('is off by default', async (t) => {
    const folder = await folderFor(t)
    const all = await behind(t, ['sglang'], {
      translators: { anthropic: { inspector: { output_dir: folder } } },
    })
    await (await postMessages(all, request)).text()
    await all.gateway.close()
    assert.deepEqual(await readdir(folder), [])
  })
})
