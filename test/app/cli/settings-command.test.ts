import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { settingCommands, settingsCommand } from '../../../src/app/cli/settings-command.ts'
import { startGateway } from '../../support/gateway.ts'

describe('the commands for settings', () => {
  it('show and change aliases, the log level and limits', async (t) => {
    const endpoints = [{ url: 'http://127.0.0.1:1', name: 'a' }]
    const sections = { model_aliases: { nick: ['m'] } }
    const gateway = await startGateway(t, endpoints, sections, { awaitRoutable: 0 })
    const runner =
      (command: (typeof settingCommands)[number]) =>
      (...args: string[]) =>
        settingsCommand(command, [...args, '--url', gateway.url], {})
    const [aliases, logLevel, limits] = [runner('aliases'), runner('log-level'), runner('limits')]

    const dry = await aliases('set', 'fast', 'm', 'n', '--dry-run')
    assert.equal(dry.output, 'would change, in place of version 1:\n  + model_aliases.fast: ["m","n"]\n')
    assert.equal((await aliases('set', 'fast', 'm', 'n')).exitCode, 0)
    assert.equal((await aliases('remove', 'nick')).exitCode, 0)
    assert.equal((await aliases()).output, 'NAME  SOURCE  MODELS\nfast  set     m, n\nremoved: nick\n')
    assert.equal((await aliases('reset', 'nick')).exitCode, 0)
    assert.equal((await aliases('reset', 'nick')).exitCode, 1)

    assert.equal((await logLevel()).output, 'info\n')
    assert.deepEqual((await logLevel('debug')).exitCode, 1)
    assert.equal((await logLevel('reset')).exitCode, 0)

    const set = await limits('set', 'queue.max_wait=10s', 'queue.max_waiting=5')
    assert.deepEqual([set.exitCode, set.output.split('\n')[0]], [0, 'version 5:'])
    assert.match((await limits()).output, /^queue\.max_wait +10s +set$/m)
    assert.equal((await limits('reset', 'queue.max_wait')).exitCode, 0)
    assert.match((await limits()).output, /^queue\.max_wait +30s +configured$/m)
    assert.equal((await limits('reset')).exitCode, 0)
    assert.equal(JSON.parse((await limits('--json')).output).settings.queue.max_waiting, 1000)
  })

  for (const [command, args, message] of [
    ['aliases', ['set', 'a'], /at least one model/],
    ['aliases', ['add', 'a'], /there is no command "add"/],
    ['aliases', ['remove'], /remove needs a name/],
    ['log-level', ['info', 'debug'], /unexpected argument: debug/],
    ['limits', ['set'], /KEY=VALUE/],
    ['limits', ['set', 'x'], /not KEY=VALUE: x/],
    ['limits', ['set', 'burst_size=5'], /not a limit: burst_size/],
    ['limits', ['change'], /there is no command "change"/],
  ] as const)
    it(`refuse "${command} ${args.join(' ')}"`, async () => {
      const { output, exitCode } = await settingsCommand(command, [...args], {})
      assert.match(output, message)
      assert.equal(exitCode, 3)
    })

  it('print how they are used', async () => {
    for (const command of settingCommands) {
      const { output, exitCode } = await settingsCommand(command, ['--help'], {})
      assert.match(output, new RegExp(`^Usage: olla-gateway ${command} `))
      assert.equal(exitCode, 0)
    }
  })
})
