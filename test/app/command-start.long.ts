import assert from 'node:assert/strict'
import { fork, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { configFor, folder, listening, run } from '../support/command.ts'
import { eventually } from '../support/simulator.ts'

const command = fileURLToPath(new URL('../../bin/olla-gateway.js', import.meta.url))
const noTaskset = spawnSync('taskset', ['-c', '0', 'true']).status !== 0 && 'no taskset'
const maxFlag = '--max-semi-space-size'
const gcFlags = /^--(m..-semi-space-size|single-threaded-gc)/

/** How the running command was started, as the system knows it. */
async function start(t: TestContext, env: Record<string, string> = {}) {
  const cwd = await folder({ 'olla.yaml': configFor('http://127.0.0.1:9') })
  const running = run(t, ['-c', 'olla.yaml'], { cwd, env })
  await listening(running)
  const read = (name: string) => readFileSync(`/proc/${running.child.pid}/${name}`, 'utf8').split('\0')
  return {
    flags: read('cmdline').filter((part) => gcFlags.test(part)),
    arenas: read('environ').filter((part) => part.startsWith('MALLOC_ARENA_MAX=')),
    output: running.output(),
  }
}

describe('the command', { skip: !existsSync('/proc/self/environ') && 'no /proc' }, () => {
  it('runs with low memory settings by default', async (t) => {
    const { flags, arenas, output } = await start(t)
    const onOneCpu = availableParallelism() === 1 ? ['--single-threaded-gc'] : []
    assert.deepEqual(flags, [`${maxFlag}=8`, '--min-semi-space-size=8', ...onOneCpu])
    assert.deepEqual(arenas, ['MALLOC_ARENA_MAX=1'])
    assert.doesNotMatch(output, /warning/i)
  })

  it("keeps the user's settings", async (t) => {
    const { flags, arenas } = await start(t, { MALLOC_ARENA_MAX: '4', NODE_OPTIONS: `${maxFlag}=6` })
    assert.ok(!flags.some((part) => part.includes('semi-space')))
    assert.deepEqual(arenas, ['MALLOC_ARENA_MAX=4'])
  })

  it('collects garbage on the serving thread if it has one CPU', { skip: noTaskset }, async (t) => {
    const cwd = await folder({ 'olla.yaml': configFor('http://127.0.0.1:9') })
    const child = spawn('taskset', ['-c', '0', process.execPath, command, '-c', 'olla.yaml'], { cwd })
    t.after(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString()
    })
    await eventually(() => /listening on http/.test(output))
    const flags = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').split('\0')
    assert.ok(flags.includes('--single-threaded-gc'))
  })

  it('keeps the IPC channel to its parent', async (t) => {
    const cwd = await folder({ 'olla.yaml': configFor('http://127.0.0.1:9') })
    const child = fork(command, ['-c', 'olla.yaml'], { cwd, silent: true, execArgv: [], env: {} })
    t.after(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout?.on('data', (data: Buffer) => {
      output += data.toString()
    })
    await eventually(() => /listening on http/.test(output))
    assert.equal(child.connected, true)
  })
})
