import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { expandTargets } from '../../src/kernel/host-patterns.ts'

const expanded = (...patterns: string[]) => expandTargets(patterns).map(({ host, port }) => `${host}:${port}`)

describe('host patterns', () => {
  for (const [pattern, targets] of [
    [
      'gpu-[01-03]:8000,8001',
      ['gpu-01:8000', 'gpu-01:8001', 'gpu-02:8000', 'gpu-02:8001', 'gpu-03:8000', 'gpu-03:8001'],
    ],
    ['gpu-[9-11].lan:1', ['gpu-9.lan:1', 'gpu-10.lan:1', 'gpu-11.lan:1']],
    ['[a,b,07-08]-[x,y]:1', ['a-x:1', 'a-y:1', 'b-x:1', 'b-y:1', '07-x:1', '07-y:1', '08-x:1', '08-y:1']],
    ['10.0.0.[1-2]:11434', ['10.0.0.1:11434', '10.0.0.2:11434']],
    ['[::1]:8000', ['[::1]:8000']],
    ['a:1', ['a:1']],
  ] as const)
    it(`expand ${pattern}`, () => assert.deepEqual(expanded(pattern), targets))

  it('name each target once', () => assert.deepEqual(expanded('a:1', 'a:1,2'), ['a:1', 'a:2']))

  for (const pattern of [
    '10.0.0.0/24:80',
    'gpu-[01-16]',
    'gpu-[16-01]:80',
    'gpu-[01-16:80',
    'gpu:0',
    'gpu:70000',
    'gpu:http',
    'http://gpu:80',
    'gpu-[a b]:80',
    'gpu-[1-99999]:80',
    '[0-999]-[0-999]:80',
    '*:80',
    '',
    ':80',
    '[]:80',
  ])
    it(`refuse ${JSON.stringify(pattern)}`, () => assert.throws(() => expanded(pattern), RangeError))

  it('are limited together', () =>
    assert.throws(() => expanded('a[0-2999]:1', 'b[0-2999]:1'), /more than 4096/))
})
