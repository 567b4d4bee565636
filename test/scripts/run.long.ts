import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { folder } from '../support/command.ts'
import { eventually } from '../support/simulator.ts'

const runner = fileURLToPath(new URL('../run.ts', import.meta.url))

/** Runs one test file of this text. */
async function run(t: TestContext, text: string, options: readonly string[] = []) {
  const cwd = await folder({ 'some.check.ts': text, 'package.json': '{"type":"module"}' })
  const child = spawn(process.execPath, [runner, ...options, join(cwd, 'some.check.ts')], {
    cwd,
    env: { PATH: process.env.PATH ?? '' },
  })
  t.after(() => child.kill('SIGTERM'))
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      output += data.toString()
    })
  const [code] = await once(child, 'close')
  return { code, output }
}

describe('test/run.ts', () => {
  it('passes on whether the tests passed', async (t) => {
    const passed = await run(t, `import { it } from 'node:test'\nit('is good', () => {})`)
    assert.deepEqual([passed.code, /is good/.test(passed.output)], [0, true])
    const failed = await run(
      t,
      `import { it } from 'node:test'\nit('is bad', () => { throw new Error('x') })`,
    )
    assert.deepEqual([failed.code, /is bad/.test(failed.output)], [1, true])
  })

  for (const [title, hangs] of [
    ['whose test waits for ever', `it('hangs', () => new Promise(() => setInterval(() => {}, 1_000)))`],
    ['whose tests have ended, but not its event loop', `it('ends', () => void setInterval(() => {}, 1_000))`],
  ] as const) {
    it(`ends a file ${title}, and says what held it`, async (t) => {
      const text = `import { it } from 'node:test'\n${hangs}`
      const { code, output } = await run(t, text, ['--minutes=0.02'])
      assert.equal(code, 1)
      assert.match(output, /some\.check\.ts had not ended after 1\.2 s; its event loop holds: .*Timeout/)
    })
  }

  it('ends the processes that a file leaves behind', { skip: process.platform === 'win32' }, async (t) => {
    const { code, output } = await run(
      t,
      `import { spawn } from 'node:child_process'
import { it } from 'node:test'
it('starts one', () => {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' })
  child.unref()
  console.log('pid=' + child.pid)
})`,
    )
    assert.equal(code, 0)
    const pid = Number(/pid=(\d+)/.exec(output)?.[1])
    await eventually(() => !isRunning(pid))
  })
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
