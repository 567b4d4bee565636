import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import cors from '@fastify/cors'
import fc from 'fast-check'
import Fastify from 'fastify'
import { chooseCoding, compress } from '../../routes/admin/compression.ts'

/** The header, and what it gets where only gzip is there, and where both are. */
const headers: readonly [string | undefined, ofGzip: string, ofBoth: string][] = [
  [undefined, 'identity', 'identity'],
  ['', 'identity', 'identity'],
  ['gzip', 'gzip', 'gzip'],
  ['GZIP', 'gzip', 'gzip'],
  ['x-gzip', 'gzip', 'gzip'],
  ['gzip, deflate, br', 'gzip', 'br'],
  ['gzip, br;q=0.9', 'gzip', 'gzip'],
  ['br', 'identity', 'br'],
  ['identity', 'identity', 'identity'],
  ['deflate, zstd', 'identity', 'identity'],
  ['gzip;q=0', 'identity', 'identity'],
  ['gzip;q=0.000', 'identity', 'identity'],
  ['gzip ; Q=0.0', 'identity', 'identity'],
  ['gzip;q=0.001', 'gzip', 'gzip'],
  ['gzip ; Q=0.5', 'gzip', 'gzip'],
  ['gzip;q=x', 'identity', 'identity'],
  ['br;q=0, gzip', 'gzip', 'gzip'],
  ['br;q=0, gzip;q=0.0', 'identity', 'identity'],
  ['*', 'gzip', 'br'],
  ['*;q=0', 'identity', 'identity'],
  ['*;q=0.5', 'gzip', 'br'],
  ['*, gzip;q=0', 'identity', 'br'],
  ['gzip;q=0, *', 'identity', 'br'],
  ['gzip;q=0, br;q=0, *', 'identity', 'identity'],
  ['br;q=0, *', 'gzip', 'gzip'],
  ['gzip, *;q=0', 'gzip', 'gzip'],
  ['identity;q=0, gzip', 'gzip', 'gzip'],
  ['identity;q=0, *;q=0', 'identity', 'identity'],
  ['identity;q=1, gzip;q=0.5', 'identity', 'identity'],
  ['identity;q=0.5, gzip;q=0.5', 'gzip', 'gzip'],
  [`gzip,${'x'.repeat(1024)}`, 'identity', 'identity'],
]

describe('Accept-Encoding', () => {
  for (const [header, ofGzip, ofBoth] of headers) {
    it(`selects ${ofGzip} or ${ofBoth} for ${header?.slice(0, 32) ?? 'no header'}`, () => {
      assert.equal(chooseCoding(header, ['gzip']), ofGzip)
      assert.equal(chooseCoding(header, ['br', 'gzip']), ofBoth)
    })
  }

  it('reads a repeated header as one', () => {
    assert.equal(chooseCoding(['gzip;q=0', '*'], ['gzip']), 'identity')
  })

  it('respects a refusal among any other codings', () => {
    const coding = fc.stringMatching(/^[*a-fh-z;=.0-9 ]{0,12}$/)
    fc.assert(
      fc.property(fc.array(coding, { maxLength: 6 }), fc.nat(6), (codings, at) => {
        const header = [...codings.slice(0, at), 'gzip;q=0', ...codings.slice(at)].join(',')
        assert.equal(chooseCoding(header, ['gzip']), 'identity')
        assert.notEqual(chooseCoding(header, ['br', 'gzip']), 'gzip')
      }),
    )
  })
})

it('keeps another plugin’s Vary', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(cors, { origin: ['https://a.example', 'https://b.example'] })
  app.get('/', { onSend: compress }, () => ({}))
  const response = await app.inject({ url: '/', headers: { origin: 'https://a.example' } })
  assert.equal(response.headers.vary, 'Origin, Accept-Encoding')
})
