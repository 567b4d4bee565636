import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noPolicy } from '../../../src/callers/contract/defaults.ts'
import { accessOf } from '../../../src/callers/policy/access.ts'
import { type Entry, type EntryRefusal, entryRulesOf } from '../../../src/callers/policy/entry-rules.ts'
import { apiNames, type Policy } from '../../../src/config/schema/callers-schema.ts'
import { dialects } from '../../../src/dialects/all.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'

const policy = (overrides: Partial<Policy>): Policy => ({ ...noPolicy, ...overrides })
const include = (...names: string[]) => ({ include: names, exclude: [] })

describe('models and endpoints of a policy', () => {
  it('are all, if it names none', () => {
    assert.equal(accessOf([]), undefined)
    assert.equal(accessOf([noPolicy, policy({ dialects: ['openai'] })]), undefined)
  })

  const models: [string, Policy[], string, boolean][] = [
    ['a glob', [policy({ models: include('llama*') })], 'Llama3:8b', true],
    ['no glob', [policy({ models: include('llama*') })], 'qwen3', false],
    ['an exclusion', [policy({ models: { include: ['*'], exclude: ['*70b*'] } })], 'llama3:70b', false],
    ['the other spelling of a tag', [policy({ models: include('llama3') })], 'llama3:latest', true],
    ['key and team', [policy({ models: include('a*') }), policy({ models: include('*b') })], 'ab', true],
    ['the key alone', [policy({ models: include('a*') }), policy({ models: include('*b') })], 'ac', false],
  ]
  for (const [name, policies, model, allowed] of models)
    it(`${allowed ? 'include' : 'leave out'} a model by ${name}`, () =>
      assert.equal(accessOf(policies)?.allowsModel(model), allowed))

  const gpu = endpoint({ name: 'gpu-1', tags: ['Fast'] })
  const endpoints: [string, Policy[], boolean][] = [
    ['its name', [policy({ endpoints: include('gpu-*') })], true],
    ['another name', [policy({ endpoints: include('cpu-*') })], false],
    ['its tag', [policy({ endpoint_tags: ['fast'] })], true],
    ['another tag', [policy({ endpoint_tags: ['slow'] })], false],
    ['its tag beside other names', [policy({ endpoints: include('cpu-*'), endpoint_tags: ['fast'] })], true],
    [
      'an excluded name despite its tag',
      [policy({ endpoints: { include: [], exclude: ['gpu-*'] }, endpoint_tags: ['fast'] })],
      false,
    ],
    [
      'its name in one of two policies',
      [policy({ endpoints: include('gpu-*') }), policy({ endpoint_tags: ['slow'] })],
      false,
    ],
  ]
  for (const [name, policies, allowed] of endpoints)
    it(`${allowed ? 'include' : 'leave out'} an endpoint by ${name}`, () => {
      const access = accessOf(policies)
      assert.equal(access?.allowsEndpoint(gpu), allowed)
      assert.equal(access?.allowsEndpoint(gpu), allowed, 'the remembered answer')
    })
})

describe('a policy at the entry', () => {
  const chat: Entry = { dialect: 'openai', path: '/v1/chat/completions', clientAddress: '10.1.2.3' }
  const cases: [string, Partial<Policy>, Partial<Entry>, EntryRefusal | undefined][] = [
    ['an allowed dialect', { dialects: ['openai'] }, {}, undefined],
    ['another dialect', { dialects: ['anthropic'] }, {}, 'dialect'],
    ['an allowed network', { networks: ['10.0.0.0/8'] }, {}, undefined],
    [
      'an address written as IPv6',
      { networks: ['10.0.0.0/8'] },
      { clientAddress: '::ffff:10.1.2.3' },
      undefined,
    ],
    ['another network', { networks: ['192.168.0.0/16', 'fd00::/8'] }, {}, 'network'],
    ['no address', { networks: ['10.0.0.0/8'] }, { clientAddress: '' }, 'network'],
    ['a route', { routes: ['/v1/chat/*'] }, {}, undefined],
    [
      'a route below a prefix',
      { routes: ['/v1/chat/*'] },
      { path: '/olla/proxy/v1/chat/completions' },
      undefined,
    ],
    ['a route of one provider', { routes: ['/olla/vllm/*'] }, { path: '/olla/vllm/v1/models' }, undefined],
    ['another route', { routes: ['/v1/chat/*'] }, { path: '/v1/embeddings' }, 'route'],
    [
      'a route spelled differently',
      { routes: ['/v1/chat/*'] },
      { path: '/v1//chat/%63ompletions' },
      undefined,
    ],
    [
      'a path that leaves the route',
      { routes: ['/v1/chat/*'] },
      { path: '/v1/chat/%2e%2e/embeddings' },
      'route',
    ],
  ]
  for (const [name, rules, entry, expected] of cases)
    it(`${expected === undefined ? 'admits' : 'refuses'} ${name}`, () => {
      const compiled = entryRulesOf(policy(rules))
      const given = { ...chat, ...entry }
      assert.deepEqual([compiled?.refusal(given), compiled?.refusal(given)], [expected, expected])
    })

  it('can name every dialect', () =>
    assert.deepEqual([...apiNames].sort(), dialects.map(({ name }) => name).sort()))

  it('costs nothing if it admits every request', () => assert.equal(entryRulesOf(noPolicy), undefined))
})
