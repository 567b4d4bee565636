import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ParameterRules, parameterRulesOf } from '../../../src/callers/policy/parameters.ts'

type Rules = { defaults?: Record<string, unknown>; caps?: Record<string, number> }

const rulesOf = (...policies: Rules[]) =>
  new ParameterRules(policies.map(({ defaults = {}, caps = {} }) => ({ defaults, caps })))

const applied = (rules: ParameterRules, body: unknown, path = '/v1/chat/completions'): unknown =>
  JSON.parse(
    rules.apply(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), path).toString(),
  )

describe('the cap of max_tokens', () => {
  const rules = rulesOf({ caps: { max_tokens: 100 } })
  const cases: [string, string, unknown, unknown][] = [
    ['a lower value', '/v1/chat/completions', { max_tokens: 50 }, { max_tokens: 50 }],
    ['a higher value', '/v1/chat/completions', { max_tokens: 5000 }, { max_tokens: 100 }],
    [
      'the newer name',
      '/v1/chat/completions',
      { max_completion_tokens: 5000 },
      { max_completion_tokens: 100 },
    ],
    [
      'both names',
      '/v1/chat/completions',
      { max_tokens: 5, max_completion_tokens: 500 },
      { max_tokens: 5, max_completion_tokens: 100 },
    ],
    ['no value', '/v1/chat/completions', { n: 1 }, { n: 1, max_tokens: 100 }],
    ['an empty body', '/v1/completions', {}, { max_tokens: 100 }],
    ['null', '/v1/completions', { max_tokens: null }, { max_tokens: 100 }],
    ['a text that a server converts', '/v1/completions', { max_tokens: '5000' }, { max_tokens: 100 }],
    ['a negative number', '/api/chat', { options: { num_predict: -1 } }, { options: { num_predict: 100 } }],
    ['a number with an exponent', '/v1/completions', '{"max_tokens":1e9}', { max_tokens: 100 }],
    ['the Responses API', '/v1/responses', { input: 'x' }, { input: 'x', max_output_tokens: 100 }],
    ['Anthropic', '/olla/anthropic/v1/messages', { max_tokens: 101 }, { max_tokens: 100 }],
    [
      'Ollama without options',
      '/api/generate',
      { prompt: 'x' },
      { prompt: 'x', options: { num_predict: 100 } },
    ],
    [
      'Ollama with options',
      '/olla/ollama/api/chat',
      { options: { seed: 1 } },
      { options: { seed: 1, num_predict: 100 } },
    ],
    ['Ollama with empty options', '/api/chat', { options: {} }, { options: { num_predict: 100 } }],
    [
      'the spelling of a server written in Go',
      '/api/chat',
      { Options: { NUM_PREDICT: 5000 } },
      { Options: { NUM_PREDICT: 100 } },
    ],
    ['llama.cpp', '/olla/llamacpp/completion', { prompt: 'x' }, { prompt: 'x', n_predict: 100 }],
    ['a path with a slash at its end', '/v1/chat/completions/', { a: 1 }, { a: 1, max_tokens: 100 }],
    ['an operation without output', '/v1/embeddings', { input: 'x' }, { input: 'x' }],
    ['an unknown operation', '/invocations', { max_tokens: 5000 }, { max_tokens: 100 }],
  ]
  for (const [name, path, body, expected] of cases)
    it(`applies to ${name}`, () => assert.deepEqual(applied(rules, body, path), expected))

  it('applies to every occurrence of a repeated key', () => {
    const body = Buffer.from('{"max_tokens":5000,"max_tokens":6000}')
    assert.equal(rules.apply(body, '/v1/completions').toString(), '{"max_tokens":100,"max_tokens":100}')
  })

  it('applies to a key written with escapes', () => {
    assert.deepEqual(applied(rules, '{"max\\u005ftokens":5000}'), { max_tokens: 100 })
  })

  it('leaves a body alone that is no object', () => {
    for (const text of ['', '[]', '{"a":', 'null', '{"a":1} x', '\u0000']) {
      const body = Buffer.from(text)
      assert.equal(rules.apply(body, '/v1/completions'), body)
    }
  })

  it('leaves every other byte as it is', () => {
    const text = ' {\n"big": 12345678901234567890, "max_tokens" : 7e9 , "x":"\\u00e9"}\n'
    assert.equal(rules.apply(Buffer.from(text), '/v1/completions').toString(), text.replace('7e9', '100'))
  })

  it('never lets more through, whatever the body', () => {
    const names = fc.constantFrom('max_tokens', 'max_completion_tokens', 'MAX_TOKENS', 'other', 'options')
    const value = fc.oneof(
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.string(),
      fc.constant(null),
    )
    fc.assert(
      fc.property(fc.dictionary(names, value), (body) => {
        const result = applied(rules, body)
        for (const [name, each] of Object.entries(result as object)) {
          if (/^max_/i.test(name))
            assert.ok(typeof each === 'number' && each >= 0 && each <= 100, JSON.stringify(body))
        }
      }),
    )
  })
})

describe('defaults and other caps', () => {
  const cases: [string, Rules[], string, unknown, unknown][] = [
    [
      'add what is missing',
      [{ defaults: { temperature: 0.2, stop: ['x'] } }],
      '/v1/chat/completions',
      { stop: [] },
      { stop: [], temperature: 0.2 },
    ],
    [
      'keep null',
      [{ defaults: { temperature: 0.2 } }],
      '/v1/chat/completions',
      { temperature: null },
      { temperature: null },
    ],
    [
      'go into the options of Ollama',
      [{ defaults: { temperature: 0.2, keep_alive: '1h' } }],
      '/api/chat',
      {},
      { options: { temperature: 0.2 }, keep_alive: '1h' },
    ],
    [
      'name the output as each API does',
      [{ defaults: { max_tokens: 7 } }],
      '/v1/responses',
      {},
      { max_output_tokens: 7 },
    ],
    [
      'do not exceed a cap',
      [{ defaults: { max_tokens: 700 } }, { caps: { max_tokens: 9 } }],
      '/v1/messages',
      {},
      { max_tokens: 9 },
    ],
    [
      'of a key have precedence over those of its team',
      [{ defaults: { seed: 1 } }, { defaults: { seed: 2, top_k: 3 } }],
      '/v1/messages',
      {},
      { seed: 1, top_k: 3 },
    ],
    [
      'cap by the lowest maximum',
      [{ caps: { temperature: 1 } }, { caps: { temperature: 0.5 } }],
      '/v1/messages',
      { temperature: 2 },
      { temperature: 0.5 },
    ],
    [
      'cap in options',
      [{ caps: { temperature: 1 } }],
      '/api/generate',
      { options: { temperature: 2 } },
      { options: { temperature: 1 } },
    ],
    ['do not add a cap of another parameter', [{ caps: { temperature: 1 } }], '/v1/messages', {}, {}],
    ['do not touch other operations', [{ defaults: { temperature: 1 } }], '/v1/embeddings', {}, {}],
  ]
  for (const [name, rules, path, body, expected] of cases)
    it(name, () => assert.deepEqual(applied(rulesOf(...rules), body, path), expected))

  it('cost nothing if there are none', () =>
    assert.equal(parameterRulesOf([{ defaults: {}, caps: {} }]), undefined))
})
