import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { childrenOf } from '../support/child-processes.ts'
import { configFor, folder, listening, type RunningCommand, run } from '../support/command.ts'
import { eventually } from '../support/simulator.ts'

const command = fileURLToPath(new URL('../../bin/olla-gateway.js', import.meta.url))
const nowhere = 'http://127.0.0.1:9'

/** Signals that a running process listens to, as the system knows it; empty where it has ended. */
function caught({ child }: Pick<RunningCommand, 'child'>): bigint {
  try {
    const text = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]
    return BigInt(`0x${text ?? '0'}`)
  } catch {
    return 0n
  }
}
/** Node itself listens to those that end a process by default, but not to this one. */
const sigusr2 = 1n << 11n

describe('signals', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  for (const threads of [1, 2]) {
    it(`stop a gateway of ${threads} before it serves, with 0`, async (t) => {
      const cwd = await folder({ 'config.yaml': configFor(nowhere, `, threads: ${threads}`) })
      for (const waitMs of [0, 300, 900]) {
        const running = run(t, [], { cwd })
        await eventually(() => (caught(running) & sigusr2) !== 0n, { intervalMs: 5 })
        await sleep(waitMs)
        running.child.kill('SIGTERM')
        assert.equal(await running.exit, 0, running.output())
      }
    })

    it(`that do not request a stop leave a gateway of ${threads} running, without an inspector`, async (t) => {
      const cwd = await folder({ 'config.yaml': configFor(nowhere, `, threads: ${threads}`) })
      const child = spawn('setsid', ['-w', process.execPath, command], {
        cwd,
        env: { PATH: process.env.PATH ?? '' },
      })
      t.after(() => child.kill('SIGKILL'))
      let output = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)))
      const exit = once(child, 'close')
      await eventually(() => /listening on http/.test(output))
      const pid = childOf(child.pid ?? 0)
      for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.kill(pid, signal)
      await eventually(() => /"signal":"SIGUSR2","msg":"this signal has no effect/.test(output))
      const url = /listening on (http:\S+)/.exec(output)?.[1] ?? ''
      assert.equal((await fetch(`${url}/internal/health`)).status, 200)
      assert.doesNotMatch(output, /Debugger|inspector/i)
      process.kill(pid, 'SIGQUIT')
      await exit
      assert.match(output, /"signal":"SIGQUIT","msg":"stopping".*"msg":"stopped"/s)
    })
  }

  it('reload, but do not stop, a gateway under nohup after its terminal has closed', async (t) => {
    const cwd = await folder({ 'config.yaml': configFor(nowhere) })
    const child = spawn('nohup', [process.execPath, command], { cwd, env: { PATH: process.env.PATH ?? '' } })
    t.after(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.on('data', (data) => (output += String(data)))
    await eventually(() => /listening on http/.test(output))
    child.kill('SIGHUP')
    await eventually(() =>
      /"signal":"SIGHUP","needsRestart":\[\],"msg":"configuration unchanged"/.test(output),
    )
    assert.doesNotMatch(output, /stopping/)
    const exit = once(child, 'close')
    child.kill('SIGTERM')
    assert.deepEqual(await exit, [0, null])
  })

  it('stop a gateway after its terminal has closed', async (t) => {
    const cwd = await folder({ 'config.yaml': configFor(nowhere) })
    // `script` gives its command a terminal.
    const line = `exec ${process.execPath} ${command}`
    const child = spawn('script', ['-qefc', line, '/dev/null'], {
      cwd,
      env: { PATH: process.env.PATH ?? '' },
    })
    t.after(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.on('data', (data) => (output += String(data)))
    await eventually(() => /listening on http/.test(output))
    const exit = once(child, 'close')
    process.kill(childOf(child.pid ?? 0), 'SIGHUP')
    assert.deepEqual(await exit, [0, null])
    assert.match(output, /stopping.*SIGHUP/)
  })

  it('end a gateway at once at the second one', async (t) => {
    const cwd = await folder({ 'config.yaml': configFor(nowhere, ', shutdown_timeout: 60s') })
    const running = run(t, [], { cwd })
    const url = new URL(await listening(running))
    // A client that sends half of a request.
    const client = connect(Number(url.port), '127.0.0.1')
    t.after(() => client.destroy())
    client.on('error', () => {})
    client.write('POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{')
    await once(client, 'connect')
    running.child.kill('SIGTERM')
    await eventually(() => /"msg":"stopping"/.test(running.output()))
    running.child.kill('SIGINT')
    assert.notEqual(await running.exit, null)
  })
})

/** The process that another one has started and waits for; that one where it has replaced itself. */
const childOf = (parent: number) => childrenOf(parent)[0] ?? parent
