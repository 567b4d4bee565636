import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, it } from 'node:test'
import { endpointsCommand } from '../../../src/app/cli/endpoints-command.ts'
import { startGateway } from '../../support/gateway.ts'

describe('olla-gateway endpoints', () => {
  it('lists, adds, changes, drains and removes endpoints', async (t) => {
    const gateway = await startGateway(
      t,
      [{ url: 'http://127.0.0.1:1', name: 'a' }],
      {},
      { awaitRoutable: 0 },
    )
    const run = (...args: string[]) => endpointsCommand([...args, '--url', gateway.url], {})

    const dry = await run('add', 'http://127.0.0.1:2', '--name', 'b', '--set', 'weight=2', '--dry-run')
    assert.match(
      dry.output,
      /^would change, in place of version 1:\n {2}\+ discovery\.static\.endpoints\[b\]/,
    )
    const added = await run(
      'add',
      'http://127.0.0.1:2',
      '--name',
      'b',
      '--set',
      'weight=2',
      '--set',
      'tags=["x"]',
    )
    assert.deepEqual([added.exitCode, added.output.split('\n')[0]], [0, 'version 2:'])
    const changed = await run(
      'change',
      'a',
      '--set',
      'auth.type=bearer',
      '--set',
      'auth.token=canary',
      '--type',
      'vllm',
    )
    assert.equal(changed.exitCode, 0)
    assert.doesNotMatch(changed.output, /canary/)
    const list = await run()
    assert.match(
      list.output,
      /^NAME +STATUS +IN FLIGHT +URL +SOURCE\na +\w+ +0 +http:\/\/127\.0\.0\.1:1 +changed: auth, type\nb .* added\n$/,
    )
    assert.equal(JSON.parse((await run('show', 'b')).output).weight, 2)
    await run('change', 'b', '--set', 'weight=')
    assert.equal(JSON.parse((await run('show', 'b')).output).weight, 1)
    assert.deepEqual(await run('drain', 'b', '--wait', '1s'), { output: 'b: drained\n', exitCode: 0 })
    assert.match((await run('undrain', 'b')).output, /^b: /)
    for (const action of ['probe', 'refresh', 'reset-circuit', 'reset'])
      assert.equal((await run(action, 'a')).exitCode, 0)
    assert.equal((await run('remove', 'b')).exitCode, 0)
    const again = await run('remove', 'b')
    assert.equal(again.exitCode, 1)
    assert.match(again.output, /No such endpoint/)
    const wrong = await run('change', 'a', '--set', 'wieght=2')
    assert.equal(wrong.exitCode, 1)
    assert.match(wrong.output, /did you mean "weight"/)
  })

  for (const [args, message] of [
    [['add'], /add needs a URL/],
    [['change', 'a'], /change needs --set/],
    [['change', 'a', '--set', 'weight'], /not KEY=VALUE/],
    [['change', 'a', '--set', 'a.b.c=1'], /too many dots/],
    [['paint', 'a'], /no command "paint"/],
    [['show', 'a', 'b'], /unexpected argument: b/],
  ] as const)
    it(`refuses ${args.join(' ')}`, async () => {
      const { output, exitCode } = await endpointsCommand([...args], {})
      assert.equal(exitCode, 3)
      assert.match(output, message)
    })

  it('exits with 2 if the gateway is unreachable', async () => {
    assert.equal((await endpointsCommand(['--url', 'http://127.0.0.1:1'], {})).exitCode, 2)
  })

  it('waits for a long drain in several requests, until the endpoint is empty or in service again', async (t) => {
    for (const [last, exitCode] of [
      ['drained', 0],
      ['healthy', 1],
    ] as const) {
      const waits: string[] = []
      const server = createServer((request, response) => {
        waits.push(new URL(request.url ?? '', 'http://x').searchParams.get('wait') ?? '')
        const status = waits.length < 3 ? 'draining' : last
        response.end(JSON.stringify({ endpoint: 'b', status, drained: status === 'drained' }))
      })
      await once(server.listen(0, '127.0.0.1'), 'listening')
      t.after(() => server.close())
      const address = server.address()
      assert.ok(typeof address === 'object' && address !== null)
      const url = `http://127.0.0.1:${address.port}`
      const result = await endpointsCommand(['drain', 'b', '--wait', '2h', '--url', url], {})
      assert.deepEqual(result, { output: `b: ${last}\n`, exitCode })
      assert.deepEqual(waits, ['30000ms', '30000ms', '30000ms'])
    }
  })
})
