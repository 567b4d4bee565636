import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readInteger } from '../../src/config/file/yaml/written-scalar.ts'
import { ConfigError } from '../../src/config/schema/diagnostics.ts'
import { endpoints, load, problems, warningsOf } from './support.ts'

const portOf = async (text: string | Uint8Array) => (await load(text)).config.server.port
const one = endpoints('{ url: "http://h:1", name: a }')

describe('YAML as read by Go’s yaml.v3', () => {
  it('types scalars by their keys', async () => {
    const port: readonly (readonly [string, number])[] = [
      ['1_234', 1234],
      ['0x1F', 31],
      ['0b11', 3],
      ['0o17', 15],
      ['017', 15],
      ['08', 8],
      ['1e3', 1000],
      ['5.0', 5],
      ['+5', 5],
    ]
    for (const [written, expected] of port)
      assert.equal(await portOf(`server: { port: ${written} }`), expected, written)
    const flags: readonly (readonly [string, boolean])[] = [
      ['yes', true],
      ['Yes', true],
      ['ON', true],
      ['y', true],
      ['off', false],
      ['No', false],
      ['n', false],
    ]
    for (const [written, expected] of flags) {
      const { config } = await load(`server: { cors: { enabled: ${written} } }`)
      assert.equal(config.server.cors.enabled, expected, written)
    }
    for (const written of ['"5"', 'five', '1__x', '1.5', '0x']) {
      assert.match(
        await problems(`server: { port: ${written} }`),
        /server\.port: must be a whole number/,
        written,
      )
    }
    for (const written of ['"true"', '1', 'maybe']) {
      assert.match(
        await problems(`server: { cors: { enabled: ${written} } }`),
        /must be true or false/,
        written,
      )
    }
  })

  it('keeps strings as written', async () => {
    for (const written of ['1.10', '007', 'yes', 'true', '2001-01-01', '0x1F', '1_000', '1e3', 'no']) {
      const { config } = await load(
        endpoints(`{ url: "http://h:1", name: ${written}, headers: { X-V: ${written} } }`),
      )
      const [endpoint] = config.discovery.static.endpoints
      assert.deepEqual([endpoint?.name, endpoint?.headers], [written, { 'X-V': written }])
    }
    const { config } = await load('model_aliases: { 7: [1.10, yes], x: { targets: [2] } }')
    assert.deepEqual(config.model_aliases, { 7: ['1.10', 'yes'], x: { targets: ['2'] } })
    const { config: referenced } = await load(
      endpoints('{ url: "http://h:1", name: "${N}", headers: { A: "${N}" } }'),
      {
        N: '1.10',
      },
    )
    assert.deepEqual(referenced.discovery.static.endpoints[0]?.headers, { A: '1.10' })
    const block = 'discovery:\n  static:\n    endpoints:\n      - url: http://h:1\n        name: ${N}\n'
    assert.equal((await load(block, { N: '1.10' })).config.discovery.static.endpoints[0]?.name, '1.10')
  })

  it('merges mappings, wherever the anchor is', async () => {
    const places = [
      `x-base: &d { type: ollama, priority: 7 }\n${endpoints('{ <<: *d, url: "http://h:1", name: a }')}`,
      `defaults: &d { type: ollama, priority: 7 }\n${endpoints('{ <<: *d, url: "http://h:1", name: a }')}`,
      `server: { x-here: &d { type: ollama, priority: 7 } }\n${endpoints('{ <<: *d, url: "http://h:1", name: a }')}`,
      `anchors: [ &a { type: ollama }, &b { priority: 7 } ]\n${endpoints('{ <<: [ *a, *b ], url: "http://h:1", name: a }')}`,
    ]
    for (const text of places) {
      const loaded = await load(text)
      const [endpoint] = loaded.config.discovery.static.endpoints
      assert.deepEqual([endpoint?.type, endpoint?.priority, warningsOf(loaded)], ['ollama', 7, ''], text)
    }
    const { config } = await load(
      endpoints(
        '&d { url: "http://h:1", name: a, type: ollama, priority: 7 }, { <<: *d, url: "http://h:2", name: b }',
      ),
    )
    assert.deepEqual(
      config.discovery.static.endpoints.map(({ name, priority }) => [name, priority]),
      [
        ['a', 7],
        ['b', 7],
      ],
    )
    assert.match(await problems('defaults: &d { type: ollama }'), /defaults: unknown key/)
    assert.match(await problems('sever: { port: 1 }'), /sever: unknown key, did you mean "server"\?/)
  })

  it('accepts 101 uses of an anchor', async () => {
    const list = Array.from({ length: 101 }, (_, at) => `{ <<: *d, url: "http://h:${at + 1}", name: e${at} }`)
    const { config } = await load(`x-d: &d { type: ollama }\n${endpoints(list.join(', '))}`)
    assert.equal(config.discovery.static.endpoints.length, 101)
  })

  it('accepts flow collections without indentation', async () => {
    const loaded = await load(
      'discovery:\n  static:\n    endpoints: [\n{url: "http://h:1", name: "a [", headers: {\nX: "#"\n}}, # }\n{url: "http://h:2", name: b},\n]\nserver:\n  port: 3\n',
    )
    assert.deepEqual(
      loaded.config.discovery.static.endpoints.map(({ name }) => name),
      ['a [', 'b'],
    )
    assert.equal(loaded.config.server.port, 3)
    assert.match(
      await problems('server: {\nrate_limits: {\nburst_sise: 3\n}}\n'),
      /config\.yaml:3:1 server\.rate_limits\.burst_sise/,
    )
  })

  it('reads the first of several documents, with a warning', async () => {
    const loaded = await load(`${one}---\nserver: { port: 2 }\n`)
    assert.equal(loaded.config.server.port, 40114)
    assert.match(warningsOf(loaded), /config\.yaml:\d+:1 the file holds several YAML documents/)
    assert.equal(await portOf('%YAML 1.1\n---\nserver: { port: 5 }\n...\n'), 5)
  })

  it('reads Windows line ends and byte order marks', async () => {
    const text = 'server: { port: 5 }\r\n'
    const utf16 = Buffer.from(`\uFEFF${text}`, 'utf16le')
    assert.equal(await portOf(utf16), 5)
    assert.equal(await portOf(Buffer.from(utf16).swap16()), 5)
    assert.equal(await portOf(`\uFEFF${text}`), 5)
    assert.match(await problems(Buffer.from('server: { host: "caf\xe9" }', 'latin1')), /not valid UTF-8/)
    assert.match(await problems(Buffer.from(text, 'utf16le')), /NUL bytes; save it as UTF-8/)
  })

  it('reports each cause once, with its position and without an excerpt', async () => {
    const bomb = `a: &a [x, x]\n${[...'bcdefghijklmnopqrstu']
      .map((name, at) => `${name}: &${name} [*${'abcdefghijklmnopqrst'[at]}, *${'abcdefghijklmnopqrst'[at]}]`)
      .join('\n')}\n`
    for (const [text, expected] of [
      [bomb, /^config\.yaml:\d+:\d+ too many aliases$/],
      ['server: *x\n', /^config\.yaml:1:9 unknown anchor "x"$/],
      ['server: &s { a: *s }\n', /^config\.yaml:1:17 the anchor "s" contains itself$/],
      ['server:\n\tport: 1\n\thost: x\n', /^config\.yaml:2:1 a tab cannot indent; use spaces$/],
      [
        'server: { port: 1 }\nserver: { port: 2 }\n',
        /^config\.yaml:2:1 this key is repeated in its mapping$/,
      ],
      [
        'server:\n  ? { port: 1 }\n  : 2\n',
        /^config\.yaml:2:5 a key must be a single value, not a list or a mapping$/,
      ],
      ['a: &a [x]\nserver: { *a : 1 }\n', /^config\.yaml:2:11 a key must be a single value/],
      ['- a\nserver: 1\n', /^config\.yaml:2:\d+ .*$/],
      ['server: { port: 1\n', /^config\.yaml:\d+:\d+ .*$/],
      ['discovery: [a]\n---\n: : :\n', /^config\.yaml:1:1 discovery: must be a mapping of keys$/],
      ['server: { <<: 3 }\n', /^config\.yaml:1:11 a merge key \(<<\) needs a mapping/],
      [`a: ${'['.repeat(20_000)}`, /^config\.yaml.*$/],
    ] as const) {
      assert.match(await problems(text), expected, text.slice(0, 60))
    }
  })

  it('never throws anything but a ConfigError', async () => {
    const { readDocument } = await import('../../src/config/file/document.ts')
    const { ProblemsError } = await import('../../src/config/schema/diagnostics.ts')
    const piece = fc.constantFrom(
      'a',
      ':',
      ' ',
      '\n',
      '&x',
      '*x',
      '<<',
      '[',
      ']',
      '{',
      '}',
      '-',
      '"',
      "'",
      '${V}',
      '\t',
      '#',
      '---',
      '|',
      '1_0',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        try {
          readDocument(pieces.join(''), { V: '1' })
        } catch (error) {
          if (!(error instanceof ProblemsError)) throw error
        }
      }),
      { numRuns: 500 },
    )
    assert.ok(ConfigError)
  })
})

describe('readInteger', () => {
  it('reads every integer as Go’s ParseInt does with base 0', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), (value) => {
        const size = Math.abs(value)
        const sign = value < 0 ? '-' : ''
        assert.equal(readInteger(String(value)) ?? 0, value)
        for (const text of [`0x${size.toString(16)}`, `0b${size.toString(2)}`, `0o${size.toString(8)}`]) {
          assert.equal((readInteger(sign + text) ?? 0) + 0, value + 0)
        }
      }),
      { numRuns: 200 },
    )
  })
})
