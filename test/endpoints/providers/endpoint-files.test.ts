import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readEndpointFile } from '../../../src/endpoints/providers/endpoint-files.ts'

const keys = new Set(['type', 'weight', 'priority', 'tags', 'max_concurrent'])
const read = (text: string) => readEndpointFile(text, keys)

describe('files of endpoints', () => {
  it('list endpoints as the configuration does', () => {
    const [first, second] = read(
      '- { url: "http://a:8000", name: gpu-1, type: vllm, max_concurrent: 4 }\n- url: http://b:11434\n',
    )
    assert.deepEqual(first, {
      url: 'http://a:8000',
      name: 'gpu-1',
      settings: { type: 'vllm', max_concurrent: 4 },
      labels: {},
      isReady: true,
    })
    assert.equal(second?.name, 'b:11434')
  })

  it('may have the list below endpoints', () => {
    assert.equal(read('endpoints:\n  - url: http://a:8000\n').length, 1)
  })

  it("may have the form of Prometheus' file_sd", () => {
    const found = read(
      '[{"targets":["a:8000","b:8000","https://c:443/v1"],"labels":{"type":"vllm","weight":"2","tags":"fast, new","env":"prod"}}]',
    )
    assert.deepEqual(
      found.map(({ url }) => url),
      ['http://a:8000', 'http://b:8000', 'https://c:443/v1'],
    )
    assert.deepEqual(found[0]?.settings, { type: 'vllm', weight: 2, tags: ['fast', 'new'] })
    assert.equal(found[0]?.labels.env, 'prod')
  })

  it('of target groups may set the protocol', () => {
    assert.equal(read('- { targets: ["a:1"], labels: { __scheme__: https } }')[0]?.url, 'https://a:1')
  })

  for (const [name, text, message] of [
    ['half of JSON', '[{"targets":["a:80', /./],
    ['a typo', '[{"target":["a:80"]}]', /\[0\]\.url|target/],
    ['a typo beside', '[{"targets":["a:80"],"lables":{}}]', /\[0\]\.lables/],
    ['an unknown key', '- { url: "http://a", wieght: 2 }', /\[0\]\.wieght/],
    ['another protocol', '- url: ftp://a', /\[0\]\.url/],
    ['credentials', '- url: http://me:secret@a', /\[0\]\.url/],
    ['a target with a space', '- targets: ["a b"]', /targets/],
    ['a number as a label', '- { targets: ["a:1"], labels: { weight: 2 } }', /labels\.weight/],
    ['no number', '- { targets: ["a:1"], labels: { weight: heavy } }', /labels\.weight/],
    ['an object', 'a: 1', /not a list/],
    ['a text', 'hello', /not a list/],
    ['nothing', '', /not a list/],
    ['a list of texts', '- http://a', /\[0\]/],
  ] as const)
    it(`are refused with ${name}`, () => {
      assert.throws(
        () => read(text),
        (error) =>
          error instanceof SyntaxError && message.test(error.message) && !error.message.includes('secret'),
      )
    })

  it('that grow by aliases are refused', () => {
    const lines = ['a: &a [x, x, x, x, x, x, x, x, x]']
    for (let level = 0; level < 9; level++) {
      const [from, to] = [String.fromCharCode(97 + level), String.fromCharCode(98 + level)]
      lines.push(`${to}: &${to} [${Array.from({ length: 9 }, () => `*${from}`).join(', ')}]`)
    }
    assert.throws(() => read(lines.join('\n')))
  })

  it('never give anything but endpoints or an error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          for (const { url } of read(text)) assert.ok(URL.canParse(url))
        } catch (error) {
          assert.ok(error instanceof SyntaxError || error instanceof ReferenceError)
        }
      }),
    )
  })
})
