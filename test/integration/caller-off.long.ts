import assert from 'node:assert/strict'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { callersSecret, configuredKey } from '../support/callers.ts'
import { folder, listening, run } from '../support/command.ts'
import { postChat } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'

/** Notes what the threads of a process import. */
const recorder = `
import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context)
    appendFileSync(process.env.IMPORTS_FILE, found.url + '\\n')
    return found
  },
})
`

/** Modules that only callers need: what identifies and counts them, and the packages of their stores and tokens. */
const ofCallers = /\/(?:src|plugins|routes)\/callers\/|^node:sqlite$|\/node_modules\/(?:jose|pg)\//

/** Starts the command and sends a chat. @returns modules of callers, all modules, and files that stay open */
async function observe(t: TestContext, threads: number, callers: Record<string, unknown>, key = 'sk-any') {
  const endpoint = await startScriptedEndpoint(t, ['m'], () => ({ body: { id: 'x', choices: [] } }))
  const config = {
    ...callers,
    server: { host: '127.0.0.1', port: 0, threads },
    discovery: { static: { endpoints: [{ url: endpoint.url, name: 'box', type: 'openai-compatible' }] } },
  }
  const observed = await folder({ 'recorder.mjs': recorder, imports: '' })
  const cwd = await folder({ 'config.yaml': JSON.stringify(config) })
  const running = run(t, ['-c', 'config.yaml'], {
    cwd,
    env: {
      NODE_OPTIONS: `--import=${pathToFileURL(join(observed, 'recorder.mjs')).href}`,
      IMPORTS_FILE: join(observed, 'imports'),
    },
  })
  const url = await listening(running)
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  await eventually(async () => {
    const response = await postChat(url, { model: 'm' }, { headers })
    await response.arrayBuffer()
    return response.status === 200
  })
  const modules = [...new Set(readFileSync(join(observed, 'imports'), 'utf8').split('\n'))]
  const { pid } = running.child
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkOf(`/proc/${pid}/fd/${fd}`))
  return {
    found: modules.filter((module) => ofCallers.test(module)),
    count: modules.length,
    open: links.filter((path) => path.startsWith('/') && !path.startsWith('/dev/')),
    files: readdirSync(cwd),
  }
}

/** @returns an empty text if it was closed in the meantime */
function readlinkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

const isLinux = process.platform === 'linux'

describe('the command without callers', { skip: !isLinux && 'open files are read from /proc' }, () => {
  for (const threads of [1, 2]) {
    it(`loads no module of callers and keeps no file open, with ${threads} threads`, async (t) => {
      const { found, count, open, files } = await observe(t, threads, {})
      assert.ok(count > 300, String(count))
      assert.deepEqual({ found, open, files }, { found: [], open: [], files: ['config.yaml'] })
    })
  }

  it('differs from the command with callers', async (t) => {
    const { key, entry } = configuredKey('ci')
    const callers = { secret: callersSecret, keys: [entry], store: 'callers.db' }
    const { found, open } = await observe(t, 1, { callers }, key)
    for (const part of ['/plugins/callers/caller-keys.ts', '/callers/limits/limit-cells.ts', 'node:sqlite'])
      assert.ok(
        found.some((module) => module.endsWith(part)),
        part,
      )
    assert.ok(
      open.some((path) => path.endsWith('/callers.db')),
      open.join(),
    )
  })
})
