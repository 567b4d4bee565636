import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { modelsCommand } from '../../../src/app/cli/models-command.ts'

const operation = { id: 'op-1', operation: 'load', endpoint: 'box', model: 'org/a:1', detail: '' }

/** A gateway that answers with these bodies, in turn. */
async function gateway(t: TestContext, ...bodies: readonly { status?: number; body: object }[]) {
  const asked: string[] = []
  const rest = [...bodies]
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const { status = 200, body } = rest.shift() ?? { body: {} }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const run = (...args: string[]) => modelsCommand([...args, '--url', `http://127.0.0.1:${port}`], {})
  return { asked, run }
}

describe('olla-gateway models', () => {
  it('waits for the end of an operation', async (t) => {
    const { asked, run } = await gateway(
      t,
      { status: 202, body: { operations: [{ ...operation, state: 'running' }], refused: [] } },
      { body: { ...operation, state: 'running' } },
      { body: { ...operation, state: 'done', detail: 'in memory' } },
    )
    const { output, exitCode } = await run('load', 'org/a:1', '-e', 'box', '-e', 'b*', '--keep-alive', '1h')
    assert.equal(exitCode, 0)
    assert.match(output, /op-1 +load +org\/a:1 +box +done +in memory/)
    const [first, second] = asked
    const path = '/internal/admin/models/org%2Fa%3A1/load'
    assert.equal(first, `POST ${path}?endpoint=box&endpoint=b*&keep_alive=1h`)
    assert.equal(second, 'GET /internal/admin/operations/op-1?wait=30000ms')
    assert.equal(asked.length, 3)
  })

  it('does not wait if the request says so', async (t) => {
    const body = { operations: [{ ...operation, state: 'running' }], refused: [] }
    const { asked, run } = await gateway(t, { status: 202, body })
    assert.equal((await run('unload', 'a', '--force', '--wait', '0')).exitCode, 0)
    assert.deepEqual(asked, ['POST /internal/admin/models/a/unload?force=true'])
  })

  const cases: [string, string[], string][] = [
    ['pull', ['pull', 'a'], 'POST /internal/admin/models/a/pull?'],
    ['rm', ['rm', 'a'], 'DELETE /internal/admin/models/a?'],
    ['sleep', ['sleep', 'a', '--level', '2'], 'POST /internal/admin/models/a/sleep?level=2'],
    [
      'load-adapter',
      ['load-adapter', 'a', '--adapter', 'x/y', '--path', '/p'],
      'POST /internal/admin/models/a/load-adapter?adapter=x%2Fy&path=%2Fp',
    ],
    ['cancel', ['cancel', 'op-1'], 'DELETE /internal/admin/operations/op-1'],
    ['operations', ['operations'], 'GET /internal/admin/operations'],
    ['the list', [], 'GET /internal/admin/models'],
  ]
  for (const [name, args, expected] of cases) {
    it(`asks for ${name}`, async (t) => {
      const { asked, run } = await gateway(t, { body: { operations: [], refused: [], endpoints: [] } })
      await run(...args)
      assert.deepEqual(asked, [expected])
    })
  }

  it('fails if an operation failed or was refused', async (t) => {
    const failed = { operations: [{ ...operation, state: 'failed', detail: 'no space' }], refused: [] }
    const refused = {
      operations: [{ ...operation, state: 'done' }],
      refused: [{ endpoint: 'two', code: 'conflict', reason: '"a" is busy' }],
    }
    const { run } = await gateway(t, { body: failed }, { body: refused })
    assert.equal((await run('load', 'a')).exitCode, 1)
    const { output, exitCode } = await run('unload', 'a')
    assert.equal(exitCode, 1)
    assert.match(output, /"a" is busy/)
  })

  for (const args of [['load'], ['explode', 'a'], ['load', 'a', 'b'], ['load', 'a', '--wait', 'soon']]) {
    it(`rejects ${args.join(' ')}`, async (t) => {
      const { asked, run } = await gateway(t)
      assert.equal((await run(...args)).exitCode, 3)
      assert.deepEqual(asked, [])
    })
  }
})
