import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import { jsonAnswer, startRawUpstream } from '../support/raw-upstream.ts'
import { engineOf, engines } from './engines.ts'

const body = '{"model":"m","prompt":"x"}'

/** An endpoint that redirects what `locations` names; `{url}` is its own. */
async function redirecting(
  t: TestContext,
  engine: string,
  locations: Readonly<Record<string, string>>,
  status = '307 Temporary Redirect',
) {
  const upstream = await startRawUpstream(t, ({ head, socket }) => {
    const location = locations[head.split(' ')[1] ?? '']?.replace('{url}', upstream.url)
    if (location === undefined) socket.write(jsonAnswer('{"ok":true}'))
    else socket.write(jsonAnswer('{}', { status, headers: `Location: ${location}\r\n` }))
  })
  const gateway = await startGateway(t, [{ url: upstream.url, auth: { type: 'bearer', token: 'KEY' } }], {
    proxy: engineOf(engine),
  })
  const send = async (path: string, method = 'POST') => {
    upstream.requests.length = 0
    const headers = { 'content-type': 'application/json' }
    const init = method === 'POST' ? { method, headers, body } : { method, headers }
    const response = await fetch(`${gateway.url}${path}`, { ...init, redirect: 'manual' })
    await response.arrayBuffer()
    return { response, asked: upstream.requests.map(({ head }) => head.split(' ', 2).join(' ')), upstream }
  }
  return { upstream, send }
}

for (const engine of engines) {
  describe(`redirects of an endpoint, ${engine} engine`, () => {
    it('to itself are followed with body and credentials', async (t) => {
      const { send } = await redirecting(t, engine, {
        '/v1/completions': '{url}/v1/completions/',
        '/v1/embeddings?x=1': '/v1/embeddings/?x=1',
      })
      for (const [path, target] of [
        ['/v1/completions', '/v1/completions/'],
        ['/olla/openai/v1/embeddings?x=1', '/v1/embeddings/?x=1'],
      ] as const) {
        const { response, asked, upstream } = await send(path)
        assert.equal(response.status, 200)
        assert.equal(response.headers.get('x-olla-attempts'), null)
        assert.deepEqual(asked, [`POST ${target.replace(/\/(?=$|\?)/, '')}`, `POST ${target}`])
        assert.equal(upstream.requests[1]?.body.toString(), body)
        assert.match(upstream.requests[1]?.head ?? '', /^authorization: bearer key/im)
      }
    })

    it('elsewhere, in circles, and to management are not', async (t) => {
      const { send } = await redirecting(t, engine, {
        '/v1/a': 'http://10.1.2.3/v1/a/',
        '/v1/b': '/v1/b',
        '/v1/c': '/v1/d',
        '/v1/d': '/v1/c',
        '/v1/e': '/api/pull',
        '/v1/f': 'https://files.example.com/f',
      })
      for (const [path, asks, location] of [
        ['/olla/proxy/v1/a', 1, null],
        ['/olla/proxy/v1/b', 1, '/olla/proxy/v1/b'],
        ['/olla/proxy/v1/c', 4, '/olla/proxy/v1/c'],
        ['/olla/proxy/v1/e', 1, '/olla/proxy/api/pull'],
        ['/olla/proxy/v1/f', 1, 'https://files.example.com/f'],
      ] as const) {
        const { response, asked } = await send(path)
        assert.deepEqual(
          [response.status, asked.length, response.headers.get('location')],
          [307, asks, location],
          path,
        )
      }
    })

    it('that change the method are followed only for reads', async (t) => {
      const { send } = await redirecting(t, engine, { '/v1/x': '/v1/x/' }, '301 Moved Permanently')
      const read = await send('/olla/proxy/v1/x', 'GET')
      assert.deepEqual([read.response.status, read.asked], [200, ['GET /v1/x', 'GET /v1/x/']])
      const written = await send('/olla/proxy/v1/x')
      assert.deepEqual([written.response.status, written.asked], [301, ['POST /v1/x']])
      assert.equal(written.response.headers.get('location'), '/olla/proxy/v1/x/')
    })
  })
}
