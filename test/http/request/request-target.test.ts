import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { originForm, targetAuthority } from '../../../src/http/request/request-target.ts'

describe('originForm', () => {
  for (const [sent, form, authority] of [
    ['/', '/', undefined],
    ['/v1/models?a=b', '/v1/models?a=b', undefined],
    ['//v1/models', '/v1/models', undefined],
    ['/v1///models//', '/v1/models/', undefined],
    ['/v1?a=//&b=http://c', '/v1?a=//&b=http://c', undefined],
    ['//v1?a=//', '/v1?a=//', undefined],
    ['/v1/messages/', '/v1/messages', undefined],
    ['/v1/chat/completions//?beta=true', '/v1/chat/completions?beta=true', undefined],
    ['/api/tags/?x=/chat/', '/api/tags?x=/chat/', undefined],
    ['/v1/models?x=/chat/', '/v1/models?x=/chat/', undefined],
    ['/internal/ui/', '/internal/ui/', undefined],
    ['/v1/chat/', '/v1/chat', undefined],
    ['/v1/chat/x/', '/v1/chat/x/', undefined],
    ['/a%2F%2Fb', '/a%2F%2Fb', undefined],
    ['http://a', '/', 'a'],
    ['http://a?b=c', '/?b=c', 'a'],
    ['http://a:1//v1//x?y=//', '/v1/x?y=//', 'a:1'],
    ['HTTPS://A.b/x', '/x', 'A.b'],
    ['http://user:pw@a/x', '/x', 'a'],
    ['http://user:p@w@a/x', '/x', 'a'],
    ['http://a/x@y', '/x@y', 'a'],
    ['http://a/http://b/x', '/http:/b/x', 'a'],
    ['http://[::1]:8/x', '/x', '[::1]:8'],
    ['http:///x', 'http:///x', undefined],
    ['http://a@/x', 'http://a@/x', undefined],
    ['http://?x', 'http://?x', undefined],
    ['*', '*', undefined],
    ['ftp://a/x', 'ftp://a/x', undefined],
    ['x', 'x', undefined],
  ] as const) {
    it(`of ${sent} is ${form}`, () => {
      assert.equal(originForm(sent), form)
      assert.equal(targetAuthority(sent), authority)
    })
  }

  it('changes nothing but the slashes of a path, and nothing twice', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('/', '//', '.', '..', 'a', 'chat/', '%2f', '?', '#', '@', ':', 'http://'), {
          maxLength: 12,
        }),
        (parts) => {
          const target = `/${parts.join('')}`
          const form = originForm(target)
          const [path = '', ...query] = form.split('?')
          assert.equal(path.includes('//'), false)
          assert.equal(originForm(form), form)
          const [sentPath = '', ...sentQuery] = target.split('?')
          assert.deepEqual(query, sentQuery)
          assert.deepEqual(
            path.split('/').filter((segment) => segment !== ''),
            sentPath.split('/').filter((segment) => segment !== ''),
          )
        },
      ),
    )
  })
})
