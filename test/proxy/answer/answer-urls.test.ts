import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  clientLinks,
  clientUrl,
  redirectTarget,
  type UrlScope,
} from '../../../src/proxy/answer/answer-urls.ts'

const plain = { origin: 'http://10.0.0.5:9001', basePath: '', preservePath: false }
const based = { origin: 'http://10.0.0.5:9001', basePath: '/tenant', preservePath: true }

function scope(mount: string, path: string, endpoint: UrlScope['endpoint'] = plain): UrlScope {
  const client = { url: `${mount}${path}?q=1`, rawHeaders: ['Host', 'Gateway:40114'] }
  return { endpoint, path, clientPath: path, client }
}

const chat = '/v1/chat/completions'

describe('clientUrl', () => {
  const cases: readonly [string, UrlScope, string, string | undefined][] = [
    ['own origin', scope('/olla/proxy', chat), `http://10.0.0.5:9001${chat}/`, `/olla/proxy${chat}/`],
    [
      'own origin, other scheme',
      scope('/olla/vllm', chat),
      'https://10.0.0.5:9001/a?b#c',
      '/olla/vllm/a?b#c',
    ],
    ['without scheme', scope('/olla/vllm', chat), '//10.0.0.5:9001/a', '/olla/vllm/a'],
    ['absolute path', scope('/olla/ollama', '/api/chat'), '/api/chat/', '/olla/ollama/api/chat/'],
    ['relative path', scope('/olla/proxy', chat), 'completions/', `/olla/proxy${chat}/`],
    ['at the root', scope('', chat), `${chat}/`, `${chat}/`],
    ['at the root, to a path that needs a prefix', scope('', chat), '/docs', '/olla/proxy/docs'],
    ['in a host application', scope('/llm', chat), '/v1/x', '/llm/v1/x'],
    ['in a host application, below a prefix', scope('/llm/olla/proxy', '/x'), '/y', '/llm/olla/proxy/y'],
    ['translated Messages', scope('/olla/anthropic', '/v1/messages'), '/v1/x', '/olla/proxy/v1/x'],
    ["with the client's Host", scope('/olla/proxy', chat), 'http://gateway:40114/v1/x', '/olla/proxy/v1/x'],
    ['inside the base path', scope('/olla/proxy', '/a', based), '/tenant/b', '/olla/proxy/b'],
    ['outside the base path', scope('/olla/proxy', '/a', based), '/other/b', undefined],
    ['with credentials', scope('/olla/proxy', '/a'), 'http://u:p@10.0.0.5:9001/a', undefined],
    ['another port of the endpoint', scope('/olla/proxy', '/a'), 'http://10.0.0.5:9002/a', undefined],
    ['another private address', scope('/olla/proxy', '/a'), 'http://192.168.1.9/a', undefined],
    ['loopback', scope('/olla/proxy', '/a'), 'http://[::1]:9001/a', undefined],
    ['a decimal loopback', scope('/olla/proxy', '/a'), 'http://2130706433/a', undefined],
    ['a name without a dot', scope('/olla/proxy', '/a'), 'http://gpu-1/a', undefined],
    ['a private name', scope('/olla/proxy', '/a'), 'http://gpu.svc.cluster.local/a', undefined],
    [
      'a public host',
      scope('/olla/proxy', '/a'),
      'https://cdn.example.com/i.png',
      'https://cdn.example.com/i.png',
    ],
    ['a name', scope('/olla/proxy', '/a'), 'urn:x:y', 'urn:x:y'],
    ...['ws://10.0.0.7/a', 'ftp://10.0.0.7/', 'file:///srv/models', 'unix:/run/x', 'javascript:alert(1)'].map(
      (url): [string, UrlScope, string, undefined] => [`${url}`, scope('/olla/proxy', '/a'), url, undefined],
    ),
    ['a public host with credentials', scope('/olla/proxy', '/a'), 'https://u:p@cdn.example.com/', undefined],
    ['backslashes', scope('/olla/proxy', '/a'), 'http:\\\\10.0.0.7\\a', undefined],
    ['an IPv4 address as IPv6', scope('/olla/proxy', '/a'), 'http://[::ffff:10.0.0.7]/', undefined],
    ['no URL', scope('/olla/proxy', '/a'), 'http://[', undefined],
  ]
  for (const [what, from, value, expected] of cases) {
    it(`handles ${what}`, () => assert.equal(clientUrl(value, from), expected))
  }
})

describe('clientLinks', () => {
  it('rewrites each target and drops those behind the gateway', () => {
    const from = scope('/olla/proxy', '/v1/files')
    assert.equal(
      clientLinks(
        '<http://10.0.0.5:9001/v1/files?after=1>; rel="next", <http://10.0.0.6/x>; rel=prev, </a>',
        from,
      ),
      '</olla/proxy/v1/files?after=1>; rel="next", </olla/proxy/a>',
    )
    assert.equal(clientLinks('<http://10.0.0.6/x>; rel=prev', from), undefined)
  })
})

describe('redirectTarget', () => {
  it('does not leave the endpoint', () => {
    const target = (value: string, endpoint = plain) =>
      redirectTarget(value, scope('/olla/proxy', '/v1/a', endpoint))
    assert.deepEqual(target('/v1/a/?x=1'), { path: '/v1/a/', query: '?x=1' })
    assert.deepEqual(target('http://10.0.0.5:9001/v1/b'), { path: '/v1/b', query: '' })
    assert.deepEqual(target('/tenant/v1/a/', based), { path: '/v1/a/', query: '' })
    assert.equal(target('/v1/a/', based), undefined)
    for (const away of ['http://10.0.0.6:9001/v1/a', 'http://u@10.0.0.5:9001/v1/a', 'mailto:x']) {
      assert.equal(target(away), undefined, away)
    }
  })
})
