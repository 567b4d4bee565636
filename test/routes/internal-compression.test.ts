import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import cors from '@fastify/cors'
import fc from 'fast-check'
import Fastify from 'fastify'
import { acceptsGzip, compress } from '../../routes/admin/compression.ts'

describe('Accept-Encoding', () => {
  for (const [header, accepted] of [
    [undefined, false],
    ['', false],
    ['gzip', true],
    ['GZIP', true],
    ['x-gzip', true],
    ['gzip, deflate, br', true],
    ['gzip;q=0', false],
    ['gzip;q=0.000', false],
    ['gzip;q=0.001', true],
    ['gzip ; Q=0.5', true],
    ['gzip;q=1.1', false],
    ['gzip;q=x', false],
    ['*', true],
    ['*;q=0', false],
    ['*, gzip;q=0', false],
    ['gzip, *;q=0', true],
    ['br', false],
    ['identity', false],
    ['identity;q=1, gzip;q=0.5', false],
    ['identity;q=0.5, gzip;q=0.5', true],
    [`gzip,${'x'.repeat(1024)}`, false],
  ] as const) {
    it(`${accepted ? 'allows' : 'does not allow'} gzip as ${header?.slice(0, 32) ?? 'no header'}`, () => {
      assert.equal(acceptsGzip(header), accepted)
    })
  }

  it('never throws, and a coding that is refused stays refused among any others', () => {
    const coding = fc.stringMatching(/^[a-fh-z;=.0-9 ]{0,12}$/)
    fc.assert(
      fc.property(fc.array(coding, { maxLength: 6 }), fc.nat(6), (codings, at) => {
        const header = [...codings.slice(0, at), 'gzip;q=0', ...codings.slice(at)].join(',')
        assert.equal(acceptsGzip(header), false)
      }),
    )
  })
})

it('Vary keeps what another plugin has put there', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(cors, { origin: ['https://a.example', 'https://b.example'] })
  app.get('/', { onSend: compress }, () => ({}))
  const response = await app.inject({ url: '/', headers: { origin: 'https://a.example' } })
  assert.equal(response.headers.vary, 'Origin, Accept-Encoding')
})
