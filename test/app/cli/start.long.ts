import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { configFor, folder, run } from '../../support/command.ts'
import { eventually } from '../../support/simulator.ts'

const command = fileURLToPath(new URL('../../../bin/olla-gateway.js', import.meta.url))

describe('the start of the gateway', () => {
  it('says in one line that its port is in use', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1')
    t.after(() => taken.close())
    await once(taken, 'listening')
    const address = taken.address()
    assert.ok(typeof address === 'object' && address !== null)
    const cwd = await folder({ 'olla.yaml': configFor('http://127.0.0.1:9') })
    const running = run(t, ['-c', 'olla.yaml', '--port', String(address.port)], { cwd })
    assert.equal(await running.exit, 1)
    assert.equal(
      running.output(),
      `port ${address.port} on 127.0.0.1 is in use; choose another with --port\n`,
    )
  })

  it('serves and stops while its output is not read', async (t) => {
    const free = createServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const address = free.address()
    assert.ok(typeof address === 'object' && address !== null)
    free.close()
    const cwd = await folder({ 'olla.yaml': configFor('http://127.0.0.1:9') })
    const args = [command, '-c', 'olla.yaml', '--port', String(address.port)]
    const child = spawn(process.execPath, args, { cwd, env: { PATH: process.env.PATH ?? '' } })
    t.after(() => child.kill('SIGKILL'))
    // The reader disconnects before the first line.
    child.stdout.destroy()
    child.stderr.destroy()
    const health = `http://127.0.0.1:${address.port}/internal/health`
    await eventually(async () => (await fetch(health).catch(() => undefined))?.status === 200)
    const exit = once(child, 'close')
    child.kill('SIGTERM')
    assert.deepEqual(await exit, [0, null])
  })

  for (const [args, code] of [
    [['--help'], 1],
    [['--version'], 1],
    [['--print-config', '-c', 'olla.yaml'], 1],
    [['--validate-config', '-c', 'olla.yaml'], 1],
    [['status', '--help'], 3],
  ] as const) {
    it(`${args.join(' ')} exits with ${code} if its output cannot be written, with 0 if its reader has closed it`, {
      skip: !existsSync('/dev/full') && 'no /dev/full',
    }, async (t) => {
      const cwd = await folder({ 'olla.yaml': configFor('http://127.0.0.1:9') })
      const start = (stdout: number | 'pipe') => {
        const child = spawn(process.execPath, [command, ...args], {
          cwd,
          env: { PATH: process.env.PATH ?? '' },
          stdio: ['ignore', stdout, 'pipe'],
        })
        t.after(() => child.kill('SIGKILL'))
        return child
      }
      const full = start(openSync('/dev/full', 'w'))
      const gone = start('pipe')
      gone.stdout?.destroy()
      let errors = ''
      full.stderr?.on('data', (data) => {
        errors += String(data)
      })
      const codes = await Promise.all(
        [full, gone].map(async (child) => (await once(child, 'close'))[0] as unknown),
      )
      assert.deepEqual(codes, [code, 0])
      assert.match(errors, /^olla-gateway: the output cannot be written \(ENOSPC\)\n$/)
    })
  }

  it('warns of a broken models.yaml, which --validate-config refuses', async (t) => {
    const cwd = await folder({
      'olla.yaml': configFor('http://127.0.0.1:9'),
      'models.yaml':
        'model_extraction: { family_patterns: [ { pattern: "(", family_group: 1, variant_group: 2 } ] }\n',
    })
    const checked = run(t, ['-c', 'olla.yaml', '-validate-config'], { cwd })
    assert.equal(await checked.exit, 1)
    assert.match(checked.output(), /models\.yaml: Invalid regular expression/)
    assert.doesNotMatch(checked.output(), /\n\s+at /)
  })
})
