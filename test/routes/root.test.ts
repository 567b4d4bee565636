import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Fastify from 'fastify'
import { rootRoute } from '../../routes/admin/root.ts'

function app(hasDashboard = true) {
  const created = Fastify()
  rootRoute(created, { version: '1.2.3', hasDashboard })
  return created
}

describe('the root', () => {
  const cases: [string, string | undefined, RegExp, RegExp][] = [
    ['curl', '*/*', /^application\/json/, /"name":"olla-gateway".*Ollama is running/],
    ['a client that says nothing', undefined, /^application\/json/, /"version":"1.2.3"/],
    ['axios', 'application/json, text/plain, */*', /^application\/json/, /"name"/],
    ['a client of text', 'text/plain', /^text\/plain/, /^Ollama is running$/],
    ['a browser', 'text/html,application/xhtml+xml,*/*;q=0.8', /^text\/html/, /href="\/internal\/ui\/"/],
  ]
  for (const [who, accept, type, body] of cases) {
    it(`answers ${who}`, async () => {
      const headers = accept === undefined ? {} : { accept }
      const response = await app().inject({ url: '/', headers })
      assert.equal(response.statusCode, 200)
      assert.match(String(response.headers['content-type']), type)
      assert.match(response.body, body)
      assert.equal(response.headers.vary, 'Accept')
    })
  }

  it('answers Ollama’s heartbeat, and links no dashboard that is off', async () => {
    assert.equal((await app().inject({ method: 'HEAD', url: '/' })).statusCode, 200)
    const page = await app(false).inject({ url: '/', headers: { accept: 'text/html' } })
    assert.doesNotMatch(page.body, /internal\/ui/)
  })
})
