import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import {
  readSource,
  type SignalSourceDocument,
  type SignalValues,
  signalSource,
} from '../../../src/endpoints/signals/signal-source.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'

const profiles = new ProfileStore({ builtIn: profilesFolder })
const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', name))

/** What a profile reads from pages, by path. */
function readAll(profile: string, pages: Readonly<Record<string, Buffer | string>>) {
  const known: SignalValues = { numbers: new Map(), adapters: undefined }
  for (const source of profiles.get(profile)?.signals ?? []) {
    const page = pages[source.path]
    if (page !== undefined) readSource(source, Buffer.from(page), known)
  }
  const { adapters, numbers } = known
  return { ...Object.fromEntries(numbers), ...(adapters === undefined ? {} : { adapters }) }
}

function readOne(document: SignalSourceDocument, page: string) {
  const known: SignalValues = { numbers: new Map(), adapters: undefined }
  readSource(signalSource(document), Buffer.from(page), known)
  return {
    ...Object.fromEntries(known.numbers),
    running: known.numbers.get('running'),
    adapters: known.adapters,
  }
}

describe('signals of profiles', () => {
  const cases: readonly (readonly [string, Record<string, Buffer | string>, Record<string, unknown>])[] = [
    [
      'vllm',
      { '/metrics': fixture('vllm-v1.txt') },
      {
        running: 7,
        waiting: 3,
        kv_cache_used: 0.8125,
        prefix_hits: 900_000,
        prefix_queries: 1_500_000,
        max_adapters: 4,
        adapters: ['sql', 'billing'],
      },
    ],
    ['vllm', { '/metrics': fixture('vllm-0.8.txt') }, { running: 5, waiting: 3, kv_cache_used: 0.8125 }],
    [
      'sglang',
      { '/metrics': fixture('sglang.txt') },
      {
        running: 16,
        waiting: 2826,
        kv_cache_used: 0.28,
        prefix_hits: 2_032_225.5,
        prefix_queries: 8_128_902,
        prefix_hit_rate: 0.007507552643049313,
      },
    ],
    [
      'llamacpp',
      { '/metrics': fixture('llamacpp.txt'), '/props': '{"total_slots":4,"is_sleeping":false}' },
      { running: 4, waiting: 46, max_running: 4, sleeping: 0 },
    ],
    [
      'llamacpp',
      { '/slots': '[{"id":0,"is_processing":true},{"id":1,"is_processing":false}]' },
      { running: 1, max_running: 2 },
    ],
    ['tgi', { '/metrics': fixture('tgi.txt') }, { running: 5, waiting: 3 }],
    [
      'tensorrt-llm',
      { '/prometheus/metrics': fixture('trtllm.txt') },
      { running: 5, waiting: 3, max_running: 10, kv_cache_used: 0.6, prefix_hit_rate: 0.85 },
    ],
    ['lmdeploy', { '/metrics': fixture('lmdeploy.txt') }, { running: 12, waiting: 7, kv_cache_used: 0.5 }],
    [
      'lm-studio',
      {
        '/api/v1/models': JSON.stringify({
          models: [
            {
              key: 'a',
              loaded_instances: [
                { id: 'a', config: { parallel: 4 } },
                { id: 'a:2', config: { parallel: 2 } },
              ],
            },
            { key: 'b', loaded_instances: [] },
          ],
        }),
      },
      { max_running: 6 },
    ],
    ['lm-studio', { '/api/v1/models': '{"error":"Unexpected endpoint or method."}' }, {}],
    ['ollama', {}, {}],
  ]
  for (const [profile, pages, expected] of cases) {
    it(`read ${profile} at ${Object.keys(pages).join(', ') || 'nothing'}`, () => {
      assert.deepEqual(readAll(profile, pages), expected)
    })
  }
})

describe('a source of signals', () => {
  it('takes the first alternative that the engine has', () => {
    const document = { path: '/metrics', running: ['new_name', 'old_name'] }
    assert.equal(readOne(document, 'old_name 3\n').running, 3)
    assert.equal(readOne(document, 'old_name 3\nnew_name 4\n').running, 4)
  })

  it('leaves a value unknown that has no name, no number or no sound number', () => {
    const document = { path: '/metrics', running: ['running'], kv_cache_used: ['cache'] }
    for (const page of [
      '',
      'running_total 3\n',
      'running NaN\ncache NaN\n',
      'running -1\ncache 87.5\n',
      'running{a="b" 3\n',
      'running three\n',
      'running +Inf\n',
      '# running 3\n',
      '<html>running 3</html>',
    ])
      assert.deepEqual(readOne(document, page), { running: undefined, adapters: undefined }, page)
  })

  it('combines series as it is told', () => {
    const page = 'm{r="a"} 1\nm{r="b"} 5\nm{r="c"} 3\n'
    const read = (expression: string) => readOne({ path: '/', running: [expression] }, page).running
    assert.equal(read('m'), 9)
    assert.equal(read('max m'), 5)
    assert.equal(read('min m'), 1)
    assert.equal(read('mean m'), 3)
    assert.equal(read('count m'), 3)
    assert.equal(read('m{r="c"}'), 3)
    assert.equal(read('m{r="d"}'), undefined)
  })

  it('reads JSON pointers with escapes and wildcards', () => {
    const page = JSON.stringify({ 'a/b': { '~': 7 }, list: [{ n: 1 }, { n: '2' }, {}], none: [] })
    const read = (expression: string) => readOne({ path: '/', running: [expression] }, page).running
    assert.equal(read('/a~1b/~0'), 7)
    assert.equal(read('/list/*/n'), 1)
    assert.equal(read('/list/1/n'), undefined)
    assert.equal(read('count /list/*'), 3)
    assert.equal(read('/none/*/n'), 0)
    assert.equal(read('/missing/*/n'), undefined)
    assert.equal(read('count /missing/*'), undefined)
    assert.equal(read('/__proto__'), undefined)
  })

  it('reads nothing from a body that is not JSON, or nested too deeply', () => {
    const document = { path: '/', running: ['/n'], adapters: ['/a'] }
    for (const page of ['{', 'null', '7', '', `${'['.repeat(100_000)}`])
      assert.equal(readOne(document, page).running, undefined)
  })
})
