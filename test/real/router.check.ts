/**
 * Model operations at a real llama.cpp router. The Python package that the other tests use has the router compiled out, so
 * `OLLA_LLAMA_SERVER` names a `llama-server` of llama.cpp.
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { freePort } from '../support/free-port.ts'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually as eventuallyIn } from '../support/simulator.ts'
import { python, sentence, skipReason } from './llama-server.ts'

const program = process.env.OLLA_LLAMA_SERVER
const skip = skipReason() || (program === undefined && 'OLLA_LLAMA_SERVER names no llama-server')
const eventually = (condition: () => Promise<boolean>) =>
  eventuallyIn(condition, { timeoutMs: 60_000, intervalMs: 50 })

describe("llama.cpp's router", { skip }, () => {
  it('loads and unloads a model, and loads it once for eight chats at a time', async (t) => {
    const router = await startRouter(t)
    const gateway = await startGateway(t, [{ url: router.url, name: 'router', type: 'llamacpp' }], {
      discovery: { residency_interval: '200ms' },
    })
    const operate = async (operation: string) => {
      const response = await fetch(`${gateway.url}/internal/admin/models/says/${operation}?wait=50s`, {
        method: 'POST',
        headers: { 'x-olla-gateway': '1' },
      })
      const { operations } = (await response.json()) as { operations: { state: string }[] }
      return operations.map(({ state }) => state)
    }
    assert.equal(await router.state('says'), 'unloaded')
    assert.deepEqual(await operate('load'), ['done'])
    assert.equal(await router.state('says'), 'loaded')
    assert.deepEqual(await operate('load'), ['done'])
    assert.equal(router.loads('says'), 1)
    assert.match(await (await postChat(gateway.url, { model: 'says' })).text(), new RegExp(sentence))
    assert.deepEqual(await operate('unload'), ['done'])
    assert.equal(await router.state('says'), 'unloaded')
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => postChat(gateway.url, { model: 'says', max_tokens: 2 })),
    )
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
    await Promise.all(answers.map((answer) => answer.arrayBuffer()))
    assert.equal(router.loads('says'), 2)
  })
})

async function startRouter(t: TestContext) {
  const models = await mkdtemp(join(tmpdir(), 'olla-router-'))
  t.after(() => rm(models, { recursive: true, force: true }))
  const script = join(import.meta.dirname, 'make_model.py')
  for (const name of ['says', 'calls'])
    await promisify(execFile)(python, [script, join(models, `${name}.gguf`), name])
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const args = [
    '--models-dir',
    models,
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '-c',
    '1024',
    '--jinja',
  ]
  const child = spawn(program ?? '', [...args, '--no-warmup', '--threads', '1'])
  t.after(() => child.kill('SIGTERM'))
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      output += data.toString()
    })
  const health = () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
  await eventually(health)
  return {
    url,
    async state(name: string) {
      const { data } = (await (await fetch(`${url}/models`)).json()) as {
        data: { id: string; status: { value: string } }[]
      }
      return data.find(({ id }) => id === name)?.status.value
    },
    /** Processes that it has started for a model. */
    loads: (name: string) =>
      output.match(new RegExp(`spawning server instance with name=${name} `, 'g'))?.length ?? 0,
  }
}
