import assert from 'node:assert/strict'
import { request } from 'node:http'
import { describe, it } from 'node:test'
import { type Trespass, trespasses, wrongTokens } from './corpus/access.ts'
import { startProcess } from './support/gateway-process.ts'
import { startCapture } from './support/strict-capture.ts'
import { addressOf, pooled } from './support/talk.ts'

const token = 'Correct-Horse-Battery-Staple'
const body = '{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"x"}],"prompt":"x","name":"m"}'

function statusOf(
  port: number,
  { method, path, headers }: Omit<Trespass, 'family'>,
  localAddress = '127.0.0.1',
): Promise<number> {
  return new Promise((resolve, reject) => {
    const isRead = method === 'GET' || method === 'OPTIONS'
    const own = isRead ? {} : { 'content-type': 'application/json', 'content-length': body.length }
    const asked = request(
      { port, host: '127.0.0.1', localAddress, method, path, headers: { ...own, ...headers } },
      (response) => {
        response.resume()
        // A stream of events has no end.
        resolve(response.statusCode ?? 0)
        response.destroy()
      },
    )
    asked.on('error', (error) => reject(new Error(`${method} ${path}`, { cause: error })))
    asked.end(isRead ? undefined : body)
  })
}

for (const server of ['', ', http_server: node', ', threads: 2']) {
  describe(`clients that may not${server}`, () => {
    it('reach no endpoint and no gated route', async (t) => {
      const capture = await startCapture(t)
      const { port } = await startProcess(t, capture.url, { server })
      const counts = new Map<string, number>()
      const wrong: string[] = []
      await pooled(trespasses, 8, async (each) => {
        const status = await statusOf(port, each)
        counts.set(each.family, (counts.get(each.family) ?? 0) + 1)
        if (status < 400) wrong.push(`${status} ${JSON.stringify(each)}`)
      })
      for (const [family, count] of counts) t.diagnostic(`${family}: ${count}`)
      assert.deepEqual(wrong, [])
      assert.deepEqual([...capture.requests.values()].flat(), [])
      const usual = { method: 'POST', path: '/v1/chat/completions', headers: {} }
      assert.equal(await statusOf(port, usual), 200)
    })
  })
}

describe('an admin token', () => {
  it('grants access to its own gateway only', async (t) => {
    const capture = await startCapture(t)
    const { port } = await startProcess(t, capture.url, {
      more: `dashboard: { admin_token: '${token}', access_policy: { allowed_cidrs: ['192.0.2.0/24'] } }`,
    })
    const wrong: string[] = []
    for (const [at, authorization] of wrongTokens(token).entries()) {
      const headers = authorization === '' ? {} : { authorization }
      // Each from an address of its own: the limit of wrong tokens would refuse the right one as well.
      const status = await statusOf(
        port,
        { method: 'GET', path: '/internal/requests', headers },
        addressOf(at + 1),
      )
      if (status !== 401) wrong.push(`${status} ${authorization}`)
    }
    assert.deepEqual(wrong, [])
  })

  it('is accepted', async (t) => {
    const capture = await startCapture(t)
    const { port } = await startProcess(t, capture.url, {
      more: `dashboard: { admin_token: '${token}', access_policy: { allowed_cidrs: ['192.0.2.0/24'] } }`,
    })
    const headers = { authorization: `Bearer ${token}` }
    assert.equal(await statusOf(port, { method: 'GET', path: '/internal/requests', headers }), 200)
  })
})
