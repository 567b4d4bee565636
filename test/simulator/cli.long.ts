import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readSimulatorArguments } from '../../simulator/cli.ts'

const command = fileURLToPath(new URL('../../bin/olla-gateway.js', import.meta.url))

suite('olla-gateway simulator', () => {
  test('reads its options', () => {
    const args =
      '--kind vllm --model a --model b --port 0 --host ::1 --ttft 1.5s --tokens-per-second 40 --name box'
    const { isHelp, options } = readSimulatorArguments([
      ...args.split(' '),
      ...['--api-key', 'k', '--load-time', '2s', '--router'],
    ])
    assert.equal(isHelp, false)
    assert.deepEqual(options, {
      kind: 'vllm',
      models: ['a', 'b'],
      port: 0,
      host: '::1',
      timeToFirstTokenMs: 1500,
      tokensPerSecond: 40,
      name: 'box',
      apiKey: 'k',
      loadMs: 2000,
      isRouter: true,
    })
  })

  test('listens on the default port of its kind', () => {
    assert.equal(readSimulatorArguments(['--kind', 'ollama']).options.port, 11434)
    assert.equal(readSimulatorArguments(['--kind', 'lm-studio']).options.port, 1234)
  })

  for (const [args, why] of [
    [['--kind', 'gpt'], /unknown kind "gpt"/],
    [['--port', '70000'], /--port/],
    [['--port', 'x'], /--port/],
    [['--ttft', '50'], /--ttft/],
    [['--load-time', '2'], /--load-time/],
    [['--tokens-per-second', '-1'], /tokens-per-second/],
    [['--tokens'], /--tokens/],
  ] as const) {
    test(`reports the error in ${args.join(' ')}`, () => {
      assert.throws(() => readSimulatorArguments(args), why)
    })
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`prints its address, serves, and stops on ${signal}`, async (t) => {
      const args = [command, 'simulator', '--kind', 'ollama', '--model', 'm', '--name', 'box', '--port', '0']
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      t.after(() => child.kill('SIGKILL'))
      const exit = once(child, 'close')
      const [line] = await once(createInterface({ input: child.stdout }), 'line')
      const url = /^simulated ollama "box" listening on (http:\S+)$/.exec(String(line))?.[1]
      assert.ok(url !== undefined)
      const { models } = JSON.parse(await (await fetch(`${url}/api/tags`)).text())
      assert.equal(models[0].name, 'm')
      child.kill(signal)
      const [code] = await exit
      assert.equal(code, 0)
    })
  }

  test('prints help, and fails with a reason', async () => {
    const run = async (...args: string[]) => {
      const child = spawn(process.execPath, [command, 'simulator', ...args])
      const said = { out: '', error: '' }
      child.stdout.on('data', (chunk) => {
        said.out += chunk
      })
      child.stderr.on('data', (chunk) => {
        said.error += chunk
      })
      const [code] = await once(child, 'close')
      return { ...said, code }
    }
    const help = await run('--help')
    assert.equal(help.code, 0)
    assert.match(help.out, /--tokens-per-second/)
    const wrong = await run('--kind', 'gpt')
    assert.equal(wrong.code, 1)
    assert.match(wrong.error, /unknown kind "gpt"/)
  })
})
