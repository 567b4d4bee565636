import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readOptions, UsageError } from '../../../src/app/cli/arguments.ts'
import { overridesOf, readServeArguments } from '../../../src/app/cli/serve-arguments.ts'
import { listenFailure } from '../../../src/app/cli/start-failure.ts'
import { parseConfig } from '../../../src/config/load.ts'

const options = {
  config: { type: 'string', short: 'c' },
  version: { type: 'boolean' },
  'validate-config': { type: 'boolean' },
} as const

describe('readOptions', () => {
  it('reads the spellings of Node and of Go', () => {
    const cases: readonly (readonly [readonly string[], Record<string, unknown>, readonly string[]])[] = [
      [['-c', 'f'], { config: 'f' }, []],
      [['-c=f'], { config: 'f' }, []],
      [['-config', 'f'], { config: 'f' }, []],
      [['-config=f=g'], { config: 'f=g' }, []],
      [['--config', 'f'], { config: 'f' }, []],
      [['--config=f'], { config: 'f' }, []],
      [['-config', '-'], { config: '-' }, []],
      [['-version'], { version: true }, []],
      [['-version=false'], {}, []],
      [['--version=T'], { version: true }, []],
      [['-validate-config', 'word'], { 'validate-config': true }, ['word']],
      [['word', '--', '-config'], {}, ['word', '-config']],
    ]
    for (const [args, values, positionals] of cases) {
      const read = readOptions(args, options)
      assert.deepEqual([{ ...read.values }, read.positionals], [values, positionals], args.join(' '))
    }
  })

  it('reports an unknown argument in one sentence', () => {
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['--confg', 'f'], 'unknown option --confg, did you mean --config?'],
      [['-verison'], 'unknown option -verison, did you mean --version?'],
      [['-x=secret'], 'unknown option -x'],
      [['-c'], '-c needs a value'],
      [['--config'], '--config needs a value'],
      [['-version=maybe'], '-version must be true or false, not "maybe"'],
    ]
    for (const [args, message] of cases) {
      assert.throws(() => readOptions(args, options), new UsageError(message), args.join(' '))
    }
  })
})

describe('positional arguments of the command line', () => {
  it('are ignored as in Olla, unless they resemble a command', () => {
    assert.deepEqual(readServeArguments(['serve', '-c', 'f']).notices, [])
    assert.match(
      readServeArguments(['package.json']).notices[0] ?? '',
      /to read it as the configuration: -c package\.json/,
    )
    assert.match(readServeArguments(['something-else']).notices[0] ?? '', /it is not a command/)
    for (const [word, meant] of [
      ['statsu', 'status'],
      ['tpo', 'top'],
      ['simulater', 'simulator'],
      ['verison', 'version'],
      ['sevre', 'serve'],
    ] as const) {
      assert.throws(
        () => readServeArguments([word]),
        new UsageError(`unknown command "${word}", did you mean "${meant}"?`),
      )
    }
  })

  it('name the flag behind a variable', () => {
    const { env, flags } = overridesOf(readServeArguments(['--port', '1', '-threads=auto']).values)
    assert.deepEqual(env, { OLLA_SERVER_PORT: '1', OLLA_SERVER_THREADS: 'auto' })
    assert.equal(flags.get('OLLA_SERVER_THREADS'), '--threads')
    assert.throws(() => overridesOf(readServeArguments(['--host', '']).values), UsageError)
  })
})

describe('listenFailure', () => {
  const { server } = parseConfig({ server: { host: '127.0.0.1', port: 40114 } })

  it('suggests a remedy, also if another thread has failed', () => {
    const inUse = 'port 40114 on 127.0.0.1 is in use; choose another with --port'
    assert.equal(listenFailure(Object.assign(new Error('x'), { code: 'EADDRINUSE' }), server), inUse)
    assert.equal(listenFailure(new Error('listen EADDRINUSE: address already in use'), server), inUse)
    for (const code of ['EADDRNOTAVAIL', 'EACCES', 'ENOTFOUND', 'EAI_AGAIN', 'EAFNOSUPPORT']) {
      assert.match(
        listenFailure(Object.assign(new Error('x'), { code }), server) ?? '',
        /--(?:host|port)/,
        code,
      )
    }
    assert.equal(listenFailure(new TypeError('a fault of ours'), server), undefined)
  })
})
