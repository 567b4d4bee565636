import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Feature } from '../../../../src/dialects/hub/contract/features.ts'
import { isUnload, readKeepAlive } from '../../../../src/dialects/ollama/parts/keep-alive.ts'
import { readSettings } from '../../../../src/dialects/ollama/parts/read-settings.ts'
import { GatewayError } from '../../../../src/kernel/errors.ts'
import { isObject } from '../../../../src/kernel/json/json-fields.ts'
import { parseLossless } from '../../../../src/kernel/json/lossless.ts'
import { refusal } from '../support.ts'

/** The settings that are set, and the features that they use. */
function read(request: Readonly<Record<string, unknown>>) {
  const uses = new Set<Feature>()
  const settings = Object.fromEntries(
    Object.entries(readSettings(request, uses)).filter(([, value]) => value !== undefined),
  )
  return { settings, uses: [...uses] }
}

describe('options of Ollama', () => {
  for (const [options, settings, uses] of [
    [{ num_predict: 100 }, { maxTokens: 100 }, ['max_tokens']],
    [{ num_predict: 100.9 }, { maxTokens: 100 }, ['max_tokens']],
    [{ num_predict: -1 }, {}, []],
    [{ num_predict: -2 }, {}, []],
    [{ num_predict: 0 }, {}, []],
    [{ num_ctx: 8192 }, { contextTokens: 8192 }, ['context_length']],
    [{ num_ctx: 0 }, {}, []],
    [{ temperature: 0 }, { temperature: 0 }, ['temperature']],
    [{ top_k: 20 }, { topK: 20 }, ['top_k']],
    [{ top_k: 0 }, { topK: 0 }, []],
    [{ top_p: 0.5 }, { topP: 0.5 }, ['top_p']],
    [{ top_p: 1 }, { topP: 1 }, []],
    [{ min_p: 0.1 }, { minP: 0.1 }, ['min_p']],
    [{ min_p: 0 }, { minP: 0 }, []],
    [{ seed: 42 }, { seed: 42 }, ['seed']],
    [{ seed: 0 }, { seed: 0 }, ['seed']],
    [{ seed: -1 }, {}, []],
    [{ stop: ['a', ''] }, { stop: ['a'] }, ['stop']],
    [{ stop: 'a' }, { stop: ['a'] }, ['stop']],
    [{ stop: [] }, {}, []],
    [{ stop: '' }, {}, []],
    [{ repeat_penalty: 1.1 }, { repeatPenalty: 1.1 }, ['repeat_penalty']],
    [{ repeat_penalty: 1 }, { repeatPenalty: 1 }, []],
    [{ presence_penalty: 1.5 }, { presencePenalty: 1.5 }, ['presence_penalty']],
    [{ frequency_penalty: 0 }, { frequencyPenalty: 0 }, []],
    [{ typical_p: 0.7 }, {}, ['engine_options']],
    [{ typical_p: 1 }, {}, []],
    [{ mirostat: 2, mirostat_tau: 5 }, {}, ['engine_options']],
    [{ mirostat: 0, tfs_z: 1, repeat_last_n: 64 }, {}, []],
    // Of the machine, and unknown ones, which Ollama ignores.
    [{ num_gpu: 1, num_thread: 8, num_batch: 2, main_gpu: 0, num_keep: 5, use_mmap: true }, {}, []],
    [{ future_option: { a: 1 }, numa: false, constructor: 'x', __proto__: { seed: 1 } }, {}, []],
    [{ temperature: null, stop: null, num_ctx: null, use_mmap: null }, {}, []],
    [null, {}, []],
    [undefined, {}, []],
  ] as const) {
    it(`${JSON.stringify(options)} set ${JSON.stringify(settings)}`, () => {
      assert.deepEqual(read({ options }), { settings, uses })
    })
  }

  for (const [options, message] of [
    [[], /^options: must be an object/],
    ['x', /^options: must be an object/],
    [{ temperature: '0.5' }, /^options\.temperature: must be a number/],
    [{ temperature: Number.NaN }, /^options\.temperature: must be a number/],
    [{ num_predict: '5' }, /^options\.num_predict: must be an integer/],
    [{ num_ctx: true }, /^options\.num_ctx: must be an integer/],
    [{ seed: {} }, /^options\.seed: must be an integer/],
    [{ num_gpu: 'all' }, /^options\.num_gpu: must be an integer/],
    [{ use_mmap: 1 }, /^options\.use_mmap: must be true or false/],
    [{ stop: 7 }, /^options\.stop: must be a string or a list of strings/],
    [{ stop: ['a', 7] }, /^options\.stop\.1: must be a string/],
  ] as const) {
    it(`${JSON.stringify(options)} are refused`, () => {
      assert.match(
        refusal(() => read({ options })),
        message,
      )
    })
  }

  it('may be integers beyond 2^53', () => {
    const request = parseLossless('{"options":{"seed":9007199254740993,"num_gpu":-99999999999999999999}}')
    assert.ok(isObject(request))
    assert.deepEqual(read(request), { settings: { seed: 2 ** 53 }, uses: ['seed'] })
  })

  it('of any JSON are read or refused', () => {
    const names = ['num_predict', 'temperature', 'stop', 'seed', 'use_mmap', 'mirostat']
    const options = fc.dictionary(fc.constantFrom(...names, '__proto__', 'x'), fc.jsonValue())
    fc.assert(
      fc.property(options, (given) => {
        try {
          const { maxTokens, seed, stop } = readSettings({ options: given }, new Set())
          assert.ok(maxTokens === undefined || (Number.isInteger(maxTokens) && maxTokens > 0))
          assert.ok(seed === undefined || Number.isInteger(seed))
          assert.ok(stop === undefined || stop.every((each) => typeof each === 'string' && each !== ''))
        } catch (error) {
          assert.ok(error instanceof GatewayError)
          assert.match(error.message, /^options\.[a-z_.0-9]+: must be /)
        }
      }),
    )
  })
})

describe('settings of Ollama', () => {
  const schema = { type: 'object', properties: { age: { type: 'integer' } } }

  for (const [request, settings, uses] of [
    [{}, {}, []],
    [{ format: '' }, {}, []],
    [{ format: null }, {}, []],
    [{ format: 'json' }, { format: { kind: 'json' } }, ['json_mode']],
    [{ format: schema }, { format: { kind: 'schema', name: 'answer', schema } }, ['json_schema']],
    [{ think: null }, {}, []],
    [{ think: false }, { thinking: { isOn: false } }, []],
    [{ think: true }, { thinking: { isOn: true } }, ['thinking']],
    [{ think: 'low' }, { thinking: { isOn: true, effort: 'low' } }, ['thinking', 'effort']],
    [{ think: 'max' }, { thinking: { isOn: true, effort: 'max' } }, ['thinking', 'effort']],
    [{ keep_alive: -1 }, { keepAlive: -1 }, ['keep_alive']],
    [{ keep_alive: 0 }, { keepAlive: 0 }, ['keep_alive']],
    [{ logprobs: true }, { logprobs: 0 }, ['logprobs']],
    [{ logprobs: true, top_logprobs: 3 }, { logprobs: 3 }, ['logprobs']],
    [{ logprobs: false, top_logprobs: 3 }, {}, []],
    [{ truncate: false, shift: true }, { truncates: false }, []],
    [{ _debug_render_only: true }, {}, ['prompt_template']],
  ] as const) {
    it(`${JSON.stringify(request)} are ${JSON.stringify(settings)}`, () => {
      assert.deepEqual(read(request), { settings, uses })
    })
  }

  for (const [request, message] of [
    [{ format: 'yaml' }, /^format: must be "json" or a JSON schema object/],
    [{ format: [] }, /^format: /],
    [{ think: 'hard' }, /^think: must be true, false, "low", "medium", "high" or "max"/],
    [{ think: 1 }, /^think: /],
    [{ think: '' }, /^think: /],
    [{ logprobs: 1 }, /^logprobs: must be true or false/],
    [{ top_logprobs: 21 }, /^top_logprobs: must be an integer between 0 and 20/],
    [{ top_logprobs: 1.5 }, /^top_logprobs: /],
    [{ truncate: 'no' }, /^truncate: must be true or false/],
    [{ shift: 0 }, /^shift: must be true or false/],
    [{ keep_alive: 'soon' }, /^keep_alive: must be a number of seconds or a duration/],
  ] as const) {
    it(`${JSON.stringify(request)} are refused`, () => {
      assert.match(
        refusal(() => read(request)),
        message,
      )
    })
  }
})

describe('keep_alive', () => {
  for (const [given, expected, unloads] of [
    [undefined, undefined, false],
    [null, undefined, false],
    ['', undefined, false],
    [-1, -1, false],
    [0, 0, true],
    [300, 300, false],
    [0.5, 0.5, false],
    ['5m', '5m', false],
    ['300s', '300s', false],
    ['-1m', '-1m', false],
    ['1h30m', '1h30m', false],
    ['1.5h', '1.5h', false],
    ['0', 0, true],
    ['0s', '0s', true],
    ['0h0m', '0h0m', true],
    // Ollama rejects the next two.
    ['-1', -1, false],
    ['300', 300, false],
  ] as const) {
    it(`${JSON.stringify(given)} is ${JSON.stringify(expected)}`, () => {
      const read = readKeepAlive(given)
      assert.equal(read, expected)
      assert.equal(isUnload(read), unloads)
    })
  }

  for (const given of ['forever', 'm', '5 minutes', '1d', true, {}, '9'.repeat(100)]) {
    it(`${JSON.stringify(given).slice(0, 20)} is refused`, () => {
      assert.match(
        refusal(() => readKeepAlive(given)),
        /^keep_alive: /,
      )
    })
  }
})
