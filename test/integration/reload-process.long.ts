/** Reloading the file of a running command: by its watch, by a signal and by the route. */
import assert from 'node:assert/strict'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { folder, listening, run } from '../support/command.ts'
import { eventually as eventuallyIn, withSimulator } from '../support/simulator.ts'

/** Processes start and answer late on a machine that runs other tests. */
const eventually = (condition: () => boolean | Promise<boolean>) =>
  eventuallyIn(condition, { intervalMs: 20 })

describe('the configuration file of a running gateway', () => {
  it('is applied when it is replaced', async (t) => {
    const { url, write, models } = await start(t, ['-c', 'config.yaml'])
    await write(['one', 'two'])
    await eventually(async () => (await models()).length === 2)
    // The threads have the version before the reload is over.
    await eventually(async () => (await stateOf(url)).last_reload !== null)
    const state = await stateOf(url)
    assert.equal(state.config_version, 2)
    assert.equal(state.file, 'config.yaml')
    assert.deepEqual(state.watch, { mode: 'watching', problem: null })
    assert.equal(state.last_reload?.by, 'watch')
  })

  it('changes nothing if it has an error, which the status, the answer and the log show', async (t) => {
    const { url, path, running } = await start(t, ['-c', 'config.yaml'])
    await writeFile(path, 'server: { prt: 1 }\n')
    await eventually(async () => (await stateOf(url)).last_reload?.result.outcome === 'refused')
    const { config_version: version, last_reload: last } = await stateOf(url)
    assert.equal(version, 1)
    assert.match(
      last?.result.problems[0].text ?? '',
      /^config\.yaml:1:\d+ server\.prt: unknown key, did you mean "port"\?/,
    )
    const answer = await post(url)
    assert.equal(answer.status, 422)
    await eventually(() => /server\.prt.*configuration refused/.test(running.output()))
  })

  it('is applied on SIGHUP, and not by itself if its watch is off', async (t) => {
    const { write, models, running } = await start(t, ['-c', 'config.yaml'], ', watch_config: false')
    await write(['one', 'two'])
    running.child.kill('SIGHUP')
    await eventually(async () => (await models()).length === 2)
    await eventually(() => /version 2 is in force/.test(running.output()))
    await eventually(() => /"config_version":2[^}]*"msg":"request"/.test(running.output()))
  })

  it('is not reported while it is being written', async (t) => {
    const { url, write, path, models, running } = await start(
      t,
      ['-c', 'config.yaml'],
      ', watch_config: false',
    )
    const whole = await readFile(path, 'utf8')
    for (const begun of ['', 'server: { prt: 1 }\n', whole.slice(0, whole.length - 20)]) {
      await writeFile(path, begun)
      const answer = post(url)
      running.child.kill('SIGHUP')
      await setTimeout(50)
      await write(['one', 'two'])
      assert.equal((await answer).status, 200)
      await eventually(async () => (await models()).length === 2)
      await write(['one'])
      assert.equal((await post(url)).status, 200)
    }
    await eventually(() => (running.output().match(/reading the configuration again/g)?.length ?? 0) === 3)
    assert.doesNotMatch(running.output(), /configuration refused/)
  })

  it('is applied on all threads', async (t) => {
    const { write, models, url } = await start(t, ['-c', 'config.yaml', '--threads', '2'])
    await write(['one', 'two'])
    await eventually(async () => (await stateOf(url)).config_version === 2)
    for (let request = 0; request < 20; request++) assert.equal((await models()).length, 2)
  })
})

async function start(t: TestContext, args: readonly string[], server = '') {
  const kind = 'openai-compatible'
  const one = await withSimulator(t, { kind, name: 'one', models: ['one'] })
  const two = await withSimulator(t, { kind, name: 'two', models: ['two'] })
  const text = (names: readonly string[]) => {
    const list = [one, two]
      .filter(({ name }) => names.includes(name))
      .map(({ url, name }) => `{ url: '${url}', name: ${name}, type: openai }`)
    const unlimited = 'rate_limits: { per_ip_requests_per_minute: 0, global_requests_per_minute: 0 }'
    return `server: { host: 127.0.0.1, port: 0, ${unlimited}${server} }\ndiscovery: { static: { endpoints: [ ${list.join(', ')} ] } }\n`
  }
  const cwd = await folder({ 'config.yaml': text(['one']) })
  const path = join(cwd, 'config.yaml')
  const running = run(t, args, { cwd })
  const url = await listening(running)
  const models = async () => {
    const response = await fetch(`${url}/v1/models`, { headers: { connection: 'close' } })
    return ((await response.json()) as { data: unknown[] }).data
  }
  await eventually(async () => (await models()).length === 1)
  const write = async (names: readonly string[]) => {
    await writeFile(`${path}.new`, text(names))
    await rename(`${path}.new`, path)
  }
  return { url, path, running, models, write }
}

function post(url: string) {
  return fetch(`${url}/internal/admin/reload`, { method: 'POST', headers: { 'x-olla-gateway': '1' } })
}

async function stateOf(url: string) {
  return (await (await fetch(`${url}/internal/admin/reload`)).json()) as {
    config_version: number
    file: string
    watch: unknown
    last_reload: { by: string; result: { outcome: string; problems: [{ text: string }] } } | null
  }
}
