import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import fastifyStatic from '@fastify/static'
import Fastify, { type InjectOptions } from 'fastify'
import internalAccess from '../../plugins/admin/internal-access.ts'
import requestContext from '../../plugins/proxy/request-context.ts'
import events from '../../plugins/runtime/events.ts'
import state from '../../plugins/runtime/state.ts'
import dashboard from '../../routes/admin/dashboard.ts'

const adminToken = 'a-long-enough-token'
const script = `console.log(${JSON.stringify('x'.repeat(2000))})`

interface StartOptions {
  readonly prefix?: string
  readonly token?: string
  readonly built?: boolean
  /** Served by a host that uses the same plugin. */
  readonly hostFolder?: string
}

async function start(t: TestContext, options: StartOptions = {}) {
  const { prefix = '', built = true, hostFolder } = options
  const folder = await mkdtemp(join(tmpdir(), 'dashboard-'))
  t.after(() => rm(folder, { recursive: true }))
  const build = async () => {
    await mkdir(join(folder, 'assets'))
    await writeFile(join(folder, 'index.html'), '<!doctype html><title>page</title>')
    const scriptFile = join(folder, 'assets', 'app-AbC12_3x.js')
    await writeFile(scriptFile, script)
    await writeFile(`${scriptFile}.br`, brotliCompressSync(script))
    await writeFile(`${scriptFile}.gz`, gzipSync(script))
    await writeFile(join(folder, 'favicon.svg'), '<svg/>')
  }
  if (built) await build()
  const app = Fastify()
  t.after(() => app.close())
  if (hostFolder !== undefined) await app.register(fastifyStatic, { root: hostFolder, prefix: '/files/' })
  await app.register(
    async (scope) => {
      await scope.register(events)
      await scope.register(state)
      await scope.register(requestContext)
      await scope.register(internalAccess, { dashboard: { admin_token: options.token } })
      await scope.register(dashboard, { folder })
    },
    { prefix },
  )
  const ask = (url: string, init: InjectOptions = {}) =>
    app.inject({ url: `${prefix}${url}`, ...init, headers: { host: 'localhost', ...init.headers } })
  return { app, ask, build, folder }
}

describe('the dashboard', () => {
  it('is the built page for any path below it, and its files', async (t) => {
    const { ask } = await start(t)
    for (const path of ['/internal/ui/', '/internal/ui/endpoints/x', '/internal/ui/%2e%2e%2fpackage.json']) {
      const page = await ask(path)
      assert.equal(page.statusCode, 200, path)
      assert.match(page.body, /<title>page/)
      assert.equal(page.headers['content-type'], 'text/html; charset=utf-8')
      assert.equal(page.headers['cache-control'], 'private, no-cache')
    }
    const file = await ask('/internal/ui/assets/app-AbC12_3x.js')
    assert.equal(file.body, script)
    assert.equal(file.headers['content-type'], 'text/javascript; charset=utf-8')
    assert.match(String(file.headers['cache-control']), /immutable/)
    const head = await ask('/internal/ui/favicon.svg', { method: 'HEAD' })
    assert.equal(head.statusCode, 200)
    assert.equal(head.body, '')
  })

  it('is protected by its headers', async (t) => {
    const { headers } = await (await start(t)).ask('/internal/ui/')
    assert.match(String(headers['content-security-policy']), /^default-src 'none'; script-src 'self'; /)
    assert.match(String(headers['content-security-policy']), /frame-ancestors 'none'$/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['x-frame-options'], 'DENY')
    assert.equal(headers['referrer-policy'], 'same-origin')
  })

  it('has strong tags, one per coding', async (t) => {
    const { ask } = await start(t)
    const url = '/internal/ui/assets/app-AbC12_3x.js'
    const plain = await ask(url)
    const zipped = await ask(url, { headers: { 'accept-encoding': 'gzip' } })
    const smaller = await ask(url, { headers: { 'accept-encoding': 'gzip, br' } })
    assert.equal(plain.headers.etag, `"${createHash('sha256').update(script).digest('base64url')}"`)
    assert.equal(gunzipSync(zipped.rawPayload).toString(), script)
    assert.equal(brotliDecompressSync(smaller.rawPayload).toString(), script)
    const tags = new Set([plain, zipped, smaller].map(({ headers }) => headers.etag))
    assert.equal(tags.size, 3)
    assert.equal(smaller.headers.vary, 'Accept-Encoding')
    for (const refusal of ['br;q=0, gzip;q=0.0', 'br;q=0, gzip;q=0, *']) {
      const refused = await ask(url, { headers: { 'accept-encoding': refusal } })
      assert.equal(refused.headers['content-encoding'], undefined, refusal)
      assert.equal(refused.body, script)
    }
    const again = await ask(url, { headers: { 'if-none-match': String(plain.headers.etag) } })
    assert.equal(again.statusCode, 304)
    assert.equal(again.body, '')
    const conditions = { 'if-match': '"other"', 'if-unmodified-since': new Date(0).toUTCString() }
    assert.equal((await ask(url, { headers: conditions })).statusCode, 200)
  })

  it('accepts only GET and HEAD', async (t) => {
    const { ask } = await start(t)
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const) {
      const answer = await ask('/internal/ui/', { method, payload: method === 'OPTIONS' ? '' : '{}' })
      assert.equal(answer.statusCode, 405, method)
      assert.equal(answer.headers.allow, 'GET, HEAD')
    }
  })

  it('does not serve a compressed copy by its own name, and serves the file itself without a copy', async (t) => {
    const { ask } = await start(t)
    assert.match((await ask('/internal/ui/assets/app-AbC12_3x.js.gz')).body, /<title>page/)
    const page = await ask('/internal/ui/', { headers: { 'accept-encoding': 'gzip, br' } })
    assert.equal(page.headers['content-encoding'], undefined)
    assert.match(page.body, /<title>page/)
  })

  it('serves rebuilt files while it runs, with another tag', async (t) => {
    const { ask, folder } = await start(t)
    const before = await ask('/internal/ui/')
    await writeFile(join(folder, 'index.html'), '<!doctype html><title>later</title>')
    const headers = { 'if-none-match': String(before.headers.etag) }
    const after = await ask('/internal/ui/', { headers })
    assert.equal(after.statusCode, 200)
    assert.match(after.body, /<title>later/)
  })

  it('coexists with files of the host', async (t) => {
    const host = await mkdtemp(join(tmpdir(), 'host-'))
    t.after(() => rm(host, { recursive: true }))
    await writeFile(join(host, 'index.html'), 'of the host')
    const { app, ask } = await start(t, { hostFolder: host })
    assert.equal((await app.inject('/files/index.html')).body, 'of the host')
    assert.match((await ask('/internal/ui/')).body, /<title>page/)
  })

  it('works below its own prefix', async (t) => {
    const { ask } = await start(t, { prefix: '/llm' })
    const redirect = await ask('/internal/ui')
    assert.equal(redirect.statusCode, 307)
    assert.equal(redirect.headers.location, '/llm/internal/ui/')
  })

  it('reports how to build it if it is not built, and then needs no restart', async (t) => {
    const { ask, build } = await start(t, { built: false })
    const answer = await ask('/internal/ui/')
    assert.equal(answer.statusCode, 503)
    assert.match(answer.body, /npm run build:dashboard/)
    await build()
    assert.equal((await ask('/internal/ui/')).statusCode, 200)
  })
})

describe('the login form', () => {
  const post = (payload: string, headers: Record<string, string> = {}): InjectOptions => ({
    method: 'POST',
    payload,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })
  const far = { remoteAddress: '203.0.113.9' }

  it('does not exist without a token', async (t) => {
    const { ask } = await start(t)
    assert.match((await ask('/internal/ui/login')).body, /<title>page/)
    assert.equal((await ask('/internal/ui/login', post(`token=${adminToken}`))).statusCode, 405)
  })

  it('signs in with the token, and out again', async (t) => {
    const { ask } = await start(t, { token: adminToken, prefix: '/llm' })
    const form = await ask('/internal/ui/login', far)
    assert.equal(form.statusCode, 200)
    assert.match(form.body, /name="token"/)
    const style = /<style>([\s\S]*)<\/style>/.exec(form.body)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    assert.ok(String(form.headers['content-security-policy']).includes(`'sha256-${hash}'`))

    const login = await ask('/internal/ui/login', { ...far, ...post(`token=${adminToken}`) })
    assert.equal(login.statusCode, 303)
    assert.equal(login.headers.location, '/llm/internal/ui/')
    const set = String(login.headers['set-cookie'])
    assert.match(set, /Path=\/llm\/internal; .*HttpOnly; SameSite=Strict$/)
    const cookie = set.split(';')[0] ?? ''
    assert.equal((await ask('/internal/ui/', far)).statusCode, 401)
    assert.equal((await ask('/internal/ui/', { ...far, headers: { cookie } })).statusCode, 200)

    const logout = await ask('/internal/ui/logout', { ...far, ...post('', { cookie }) })
    assert.equal(logout.statusCode, 303)
    assert.match(String(logout.headers['set-cookie']), /Max-Age=0/)
  })

  it('marks the cookie as secure if the browser came over TLS', async (t) => {
    const { ask } = await start(t, { token: adminToken })
    const login = await ask(
      '/internal/ui/login',
      post(`token=${adminToken}`, { 'x-forwarded-proto': 'https' }),
    )
    assert.match(String(login.headers['set-cookie']), /; Secure$/)
  })

  it('limits wrong tokens, together with those of the Authorization header', async (t) => {
    const { ask } = await start(t, { token: adminToken })
    const login = (token: string, remoteAddress = '203.0.113.9') =>
      ask('/internal/ui/login', { ...post(`token=${token}`), remoteAddress })
    for (let guess = 0; guess < 9; guess++) assert.equal((await login('wrong')).statusCode, 401)
    const headers = { authorization: 'Bearer wrong', accept: 'text/html' }
    assert.equal((await ask('/internal/ui/', { ...far, headers })).statusCode, 401)
    const refused = await login(adminToken)
    assert.equal(refused.statusCode, 429)
    assert.ok(Number(refused.headers['retry-after']) > 0)
    assert.equal(refused.headers['set-cookie'], undefined)
    assert.equal((await login(adminToken, '203.0.113.10')).statusCode, 303)
  })

  it('rejects a wrong token, and forms of other sites', async (t) => {
    const { ask } = await start(t, { token: adminToken })
    for (const payload of ['token=wrong', 'token=', '', 'a=b']) {
      const answer = await ask('/internal/ui/login', post(payload))
      assert.equal(answer.statusCode, 401, payload)
      assert.match(answer.body, /role="alert"/)
      assert.equal(answer.headers['set-cookie'], undefined)
    }
    const foreign = await ask(
      '/internal/ui/login',
      post(`token=${adminToken}`, { origin: 'https://evil.example' }),
    )
    assert.equal(foreign.statusCode, 403)
    assert.equal(foreign.headers['set-cookie'], undefined)
    assert.equal((await ask('/internal/ui/login', post('x'.repeat(5000)))).statusCode, 413)
  })
})
