import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { reloadCommand } from '../../../src/app/cli/reload-command.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { ConfigError } from '../../../src/config/schema/diagnostics.ts'
import { startGateway } from '../../support/gateway.ts'

describe('olla-gateway reload', () => {
  it('prints the differences of a dry run, and applies them without it', async (t) => {
    const next = { endpoints: [{ url: 'http://127.0.0.1:1', name: 'a', weight: 3 }] }
    const gateway = await startGateway(
      t,
      [{ url: 'http://127.0.0.1:1', name: 'a' }],
      {},
      {
        awaitRoutable: 0,
        gateway: {
          configSource: {
            file: 'config.yaml',
            load: async () => ({
              config: parseConfig({ server: { port: 1 }, discovery: { static: next } }),
              warnings: [{ severity: 'warning', key: 'server', message: 'is odd', file: 'config.yaml' }],
            }),
          },
        },
      },
    )
    const dry = await reloadCommand(['--dry-run', '--url', gateway.url], {})
    assert.equal(dry.exitCode, 0)
    assert.match(dry.output, /^would change, in place of version 1:\n/)
    assert.match(dry.output, / {4}server\.port: 0 -> 1 \(needs a restart\)\n/)
    assert.match(dry.output, / {4}discovery\.static\.endpoints\[a\]\.weight: 1 -> 3\n/)
    assert.match(dry.output, /warning: config\.yaml: server: is odd\n$/)
    const done = await reloadCommand(['--url', gateway.url], {})
    assert.match(done.output, /^version 2:\n/)
    const again = await reloadCommand(['--json'], { OLLA_GATEWAY_URL: gateway.url })
    assert.deepEqual(
      [JSON.parse(again.output).outcome, JSON.parse(again.output).config_version],
      ['unchanged', 2],
    )
  })

  it('exits with 1 and the problems of a refused file', async (t) => {
    const problem = {
      severity: 'error',
      key: 'server.prt',
      message: 'unknown key, did you mean "port"?',
    } as const
    const gateway = await startGateway(
      t,
      [],
      {},
      {
        awaitRoutable: 0,
        gateway: {
          configSource: {
            file: 'config.yaml',
            load: async () => {
              throw new ConfigError([{ ...problem, file: 'config.yaml', line: 3, column: 5 }])
            },
          },
        },
      },
    )
    assert.deepEqual(await reloadCommand(['--url', gateway.url], {}), {
      exitCode: 1,
      output:
        'refused; the present configuration stays\nconfig.yaml:3:5 server.prt: unknown key, did you mean "port"?\n',
    })
  })

  it('exits with 2 if no gateway answers, and with 3 for wrong arguments', async (t) => {
    const gateway = await startGateway(t, [])
    await gateway.close()
    assert.equal((await reloadCommand(['--url', gateway.url], {})).exitCode, 2)
    assert.equal((await reloadCommand(['now'], {})).exitCode, 3)
  })
})
