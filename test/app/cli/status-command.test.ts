import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { statusCommand } from '../../../src/app/cli/status-command.ts'
import { startGateway } from '../../support/gateway.ts'
import { withSimulator } from '../../support/simulator.ts'

const adminToken = 'sixteen-letters-1'

describe('olla-gateway status', () => {
  it('reports a gateway and its endpoints for people and for programs', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'box', models: ['m'] })
    const { url } = await startGateway(t, [{ url: simulator.url, name: 'box' }])
    const people = await statusCommand(['--url', `${url}/`], {})
    assert.equal(people.exitCode, 0)
    assert.match(people.output, /: healthy, olla-gateway \d/)
    assert.match(people.output, /\n {2}box {2}healthy {2}closed {2}0 in flight {2}1 models\n$/)
    const programs = await statusCommand(['--json'], { OLLA_GATEWAY_URL: url })
    const status = JSON.parse(programs.output) as Record<string, unknown>
    assert.deepEqual(
      [status.url, status.status, status.error, (status.endpoints as unknown[]).length],
      [url, 'healthy', null, 1],
    )
  })

  it('exits with 1 if the gateway is degraded and with 2 if it is critical', async (t) => {
    const simulators = await Promise.all(
      [1, 2, 3, 4].map((index) => withSimulator(t, { kind: 'vllm', name: `s${index}`, models: ['m'] })),
    )
    const gone = 'http://127.0.0.1:1'
    const urls = simulators.map((simulator) => simulator.url)
    const degraded = await startGateway(
      t,
      [...urls.slice(0, 3), gone].map((each) => ({ url: each })),
      {},
      { awaitRoutable: 3 },
    )
    assert.equal((await statusCommand(['--url', degraded.url], {})).exitCode, 1)
    const critical = await startGateway(t, [{ url: gone }], {}, { awaitRoutable: 0 })
    const answer = await statusCommand(['--url', critical.url, '--json'], {})
    assert.deepEqual([answer.exitCode, JSON.parse(answer.output).status], [2, 'critical'])
  })

  it('exits with 2 and a reason if no gateway answers', async (t) => {
    const gateway = await startGateway(t, [])
    await gateway.close()
    const answer = await statusCommand(['--url', gateway.url], {})
    assert.deepEqual(answer, { exitCode: 2, output: `${gateway.url}: unreachable: connection refused\n` })
    const json = JSON.parse((await statusCommand(['--url', gateway.url, '--json'], {})).output)
    assert.deepEqual(json, {
      url: gateway.url,
      status: 'unreachable',
      error: 'connection refused',
      system: null,
      endpoints: [],
    })
  })

  it('exits with 3 if access is denied, and accepts a token', async (t) => {
    const { url } = await startGateway(
      t,
      [],
      {
        dashboard: {
          admin_token: adminToken,
          gate_internal_api: true,
          access_policy: { allowed_cidrs: [] },
        },
      },
      { headers: { authorization: `Bearer ${adminToken}` } },
    )
    const refused = await statusCommand(['--url', url], {})
    assert.equal(refused.exitCode, 3)
    assert.match(refused.output, /refused: 401 unauthorized/)
    const file = join(await mkdtemp(join(tmpdir(), 'status-')), 'token')
    await writeFile(file, `${adminToken}\n`)
    for (const [args, env] of [
      [['--token', adminToken], {}],
      [['--token-file', file], {}],
      [[], { OLLA_GATEWAY_TOKEN: adminToken }],
    ] as const) {
      assert.equal((await statusCommand(['--url', url, ...args], env)).exitCode, 2)
    }
  })

  it('exits with 3 for wrong arguments', async () => {
    for (const args of [
      ['--urll', 'x'],
      ['--url', 'ftp://x'],
      ['--timeout', 'x'],
      ['--token-file', '/nowhere'],
    ]) {
      const answer = await statusCommand(args, {})
      assert.equal(answer.exitCode, 3, args.join(' '))
      assert.match(answer.output, /Try --help/)
    }
    assert.match((await statusCommand(['--help'], {})).output, /Exit codes/)
  })
})
