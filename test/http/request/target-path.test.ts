import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { countSegments, targetPath } from '../../../src/http/request/target-path.ts'

describe('targetPath', () => {
  const cases: [string, number, string, string][] = [
    ['/olla/proxy/v1/chat/completions', 2, '/v1/chat/completions', ''],
    ['/olla/lm-studio/v1/models?x=/y', 2, '/v1/models', '?x=/y'],
    ['/olla/pr%6fxy/api/tags', 2, '/api/tags', ''],
    ['/v1/models', 0, '/v1/models', ''],
    ['/llm/olla/vllm/v1', 3, '/v1', ''],
    ['/olla/proxy/', 2, '/', ''],
    ['/olla/proxy', 2, '/', ''],
    ['/olla/proxy?a=b', 2, '/', '?a=b'],
    ['/olla/proxy/a%2Fb', 2, '/a%2Fb', ''],
  ]
  for (const [url, segments, path, query] of cases) {
    it(`${url} less ${segments}`, () => {
      assert.deepEqual(targetPath(url, segments), { path, query })
    })
  }

  it('counts the segments of a prefix', () => {
    assert.equal(countSegments(''), 0)
    assert.equal(countSegments('/'), 0)
    assert.equal(countSegments('/llm'), 1)
    assert.equal(countSegments('/a/b/'), 2)
  })
})
