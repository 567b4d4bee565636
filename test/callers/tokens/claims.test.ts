import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasRequired, identityOf } from '../../../src/callers/tokens/claims.ts'
import { hasTokenForm } from '../../../src/callers/tokens/token-form.ts'
import { issuerOptions } from '../../../src/config/options/issuers.ts'
import { sectionOptions } from '../../../src/config/options/sections.ts'

function rulesOf(claims: Record<string, string>, name = '') {
  const { jwt } = sectionOptions('callers', { jwt: { issuer: 'https://a.example', name, claims } })
  return issuerOptions(jwt)[0] ?? assert.fail()
}

describe('the identity of claims', () => {
  const token = {
    sub: 'id-1',
    email: 'ann@example.com',
    org: { unit: 'ml' },
    'https://example.com/roles': ['admin', 7, 'ops'],
    'a.b': 'whole name',
    a: { b: 'path' },
    number: 42,
  }
  const cases: [string, Record<string, string>, Record<string, unknown> | undefined][] = [
    ['by default', {}, { id: 'id-1', name: 'id-1', owner: 'id-1', groups: [] }],
    ['of other claims', { name: 'email', owner: 'org.unit' }, { name: 'ann@example.com', owner: 'ml' }],
    ['of a claim with dots', { team: 'https://example.com/roles' }, { groups: ['admin', 'ops'] }],
    ['of a name before a path', { name: 'a.b' }, { name: 'whole name' }],
    ['of a text as the group', { team: 'email' }, { groups: ['ann@example.com'] }],
    ['of a number', { id: 'number' }, { id: '42' }],
    ['without the claim', { name: 'nothing' }, undefined],
    ['of an object', { owner: 'org' }, undefined],
    ['of a prototype', { id: '__proto__.constructor.name' }, undefined],
  ]
  for (const [name, claims, expected] of cases) {
    it(name, () => {
      const identity = identityOf(token, rulesOf(claims))
      if (expected === undefined) assert.equal(identity, undefined)
      else assert.deepEqual({ ...identity, ...expected }, identity)
    })
  }

  it('has the name of the issuer in its ID, if there is one', () => {
    const { id, owner, name } = identityOf({ sub: '7' }, rulesOf({}, 'corp')) ?? {}
    assert.deepEqual([id, owner, name], ['corp:7', 'corp:7', 'corp:7'])
  })

  it('is none without a usable ID', () => {
    for (const sub of ['', ' x', 'a\nb', 'x'.repeat(256), null, ['a'], 1.5])
      assert.equal(identityOf({ sub }, rulesOf({})), undefined)
  })
})

describe('required claims', () => {
  const claims = { scope: 'openid llm', roles: ['a', 'b'], verified: true, level: 3, org: { id: 'x' } }
  const cases: [Record<string, unknown>, boolean][] = [
    [{}, true],
    [{ scope: 'llm' }, true],
    [{ scope: 'll' }, false],
    [{ scope: ['admin', 'llm'] }, true],
    [{ roles: 'b' }, true],
    [{ roles: 'c' }, false],
    [{ verified: true, level: 3 }, true],
    [{ verified: 'true' }, false],
    [{ 'org.id': '*' }, true],
    [{ 'org.name': '*' }, false],
  ]
  for (const [required, expected] of cases) {
    it(JSON.stringify(required), () => {
      assert.equal(hasRequired(claims, required as Parameters<typeof hasRequired>[1]), expected)
    })
  }
})

describe('the form of a token', () => {
  for (const [text, expected] of [
    ['eyJhbGciOiJub25lIn0.eyJ9.', true],
    ['ewogICJhbGci.a.b', true],
    ['sk-abc.def.ghi', false],
    ['eyJhbGciOiJub25lIn0', false],
    ['eyJ.x', false],
    ['', false],
  ] as const) {
    it(`${text} ${expected ? 'is one' : 'is none'}`, () => assert.equal(hasTokenForm(text), expected))
  }
})
