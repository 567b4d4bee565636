import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AdminToken, sessionCookie, sessionMs } from '../../../src/admin/security/admin-token.ts'
import { isCrossSite, isDeliberate, isForeignRead } from '../../../src/admin/security/cross-site.ts'
import { type AccessRequest, InternalAccess } from '../../../src/admin/security/internal-access.ts'

const secret = 'a-long-enough-token'
const rules = (token?: AdminToken) =>
  new InternalAccess({
    allowedCidrs: ['127.0.0.0/8', '::1/128', '10.1.0.0/16'],
    allowedHosts: ['localhost', 'Gateway.lan'],
    token,
  })

const request = (fields: Partial<AccessRequest> = {}): AccessRequest => ({
  peer: '127.0.0.1',
  client: fields.peer ?? '127.0.0.1',
  host: 'localhost:40114',
  authorization: undefined,
  cookie: undefined,
  ...fields,
})

describe('access by address', () => {
  const allowed: [string, Partial<AccessRequest>][] = [
    ['loopback, a name with a port', {}],
    ['a name without a port', { host: 'localhost' }],
    ['another case, a trailing dot', { host: 'GATEWAY.LAN.:80' }],
    ['an IPv4 literal', { host: '192.168.1.2:40114' }],
    ['an IPv6 literal', { peer: '::1', host: '[::1]:40114' }],
    ['an IPv4-mapped address', { peer: '::ffff:10.1.2.3' }],
  ]
  for (const [name, fields] of allowed) {
    it(`lets in: ${name}`, () => {
      assert.deepEqual(rules().decide(request(fields), 0, 0), { allowed: true, by: 'address' })
    })
  }

  const refused: [string, Partial<AccessRequest>, string][] = [
    [
      'another network',
      { peer: '10.2.0.1' },
      '403 forbidden: ip not in allowed range (ip=10.2.0.1, host=localhost:40114)',
    ],
    [
      'the client of a trusted proxy on an allowed address',
      { peer: '127.0.0.1', client: '203.0.113.9' },
      '403 forbidden: ip not in allowed range (ip=203.0.113.9, host=localhost:40114)',
    ],
    ['no address', { peer: '' }, '403 forbidden: ip not in allowed range (ip=, host=localhost:40114)'],
    [
      'a rebound name',
      { host: 'evil.example:40114' },
      '403 forbidden: host not accepted (evil.example:40114)',
    ],
    [
      'a name that only begins so',
      { host: 'localhost.evil.example' },
      '403 forbidden: host not accepted (localhost.evil.example)',
    ],
    [
      'credentials before the name',
      { host: 'localhost@evil.example' },
      '403 forbidden: host not accepted (localhost@evil.example)',
    ],
    ['a short form of an address', { host: '127.1' }, '403 forbidden: host not accepted (127.1)'],
    ['no Host', { host: undefined }, '403 forbidden: host not accepted ()'],
    ['line breaks in Host', { host: 'a\r\nb' }, '403 forbidden: host not accepted (a??b)'],
  ]
  for (const [name, fields, message] of refused) {
    it(`refuses: ${name}`, () => {
      assert.deepEqual(rules().decide(request(fields), 0, 0), { allowed: false, status: 403, message })
    })
  }
})

describe('access by token', () => {
  const token = new AdminToken(secret)
  const far = { peer: '203.0.113.9', host: 'public.example' }

  it('lets in from anywhere under any name', () => {
    const decision = rules(token).decide(request({ ...far, authorization: `Bearer ${secret}` }), 0, 0)
    assert.deepEqual(decision, { allowed: true, by: 'token' })
  })

  it('refuses a wrong one even from an allowed address', () => {
    const decision = rules(token).decide(request({ authorization: 'Bearer nope' }), 0, 0)
    assert.deepEqual(decision, {
      allowed: false,
      status: 401,
      message: '401 unauthorized: the token is not valid',
    })
  })

  it('asks for it instead of forbidding', () => {
    const decision = rules(token).decide(request(far), 0, 0)
    assert.equal(decision.allowed ? 0 : decision.status, 401)
  })

  it('still allows access by address with any other credentials', () => {
    const decision = rules(token).decide(request({ authorization: 'Basic abc', cookie: 'a=b' }), 0, 0)
    assert.deepEqual(decision, { allowed: true, by: 'address' })
  })

  it('ignores tokens if none is configured', () => {
    assert.equal(rules().decide(request({ authorization: 'Bearer x' }), 0, 0).allowed, true)
    assert.equal(rules().decide(request({ ...far, authorization: 'Bearer x' }), 0, 0).allowed, false)
  })

  it('accepts a session until it expires, and no foreign one', () => {
    const session = token.createSession(1_000)
    const cookie = sessionCookie(session, { path: '/internal', isSecure: false }).split(';')[0] ?? ''
    const decide = (text: string, nowMs: number, by = token) =>
      rules(by).decide(request({ ...far, cookie: `theme=dark; ${text}` }), nowMs, 0).allowed
    assert.equal(decide(cookie, 1_000 + sessionMs - 1), true)
    assert.equal(decide(cookie, 1_000 + sessionMs), false)
    assert.equal(decide(cookie, 2_000, new AdminToken('another-long-token')), false)
    const longer = cookie.replace(String(1_000 + sessionMs), String(1_000 + 2 * sessionMs))
    assert.notEqual(longer, cookie)
    assert.equal(decide(longer, 2_000), false)
    for (const text of ['olla_gateway_admin', 'olla_gateway_admin=', 'olla_gateway_admin=.', 'x']) {
      assert.equal(decide(text, 2_000), false, text)
    }
  })

  it('keeps the token itself out of the cookie, and the cookie away from scripts and other sites', () => {
    const text = sessionCookie(token.createSession(0), { path: '/llm/internal', isSecure: true })
    assert.doesNotMatch(text, new RegExp(secret))
    assert.match(text, /; Path=\/llm\/internal; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/)
    const end = sessionCookie(undefined, { path: '/', isSecure: false })
    assert.equal(end, 'olla_gateway_admin=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict')
  })
})

describe('requests of other sites', () => {
  const host = 'gateway.lan:40114'
  const cases: [string, { site?: string; origin?: string }, boolean][] = [
    ['a program', {}, false],
    ['the page itself', { site: 'same-origin', origin: `http://${host}` }, false],
    ['the page itself, on plain HTTP', { origin: `http://${host}` }, false],
    ['the address bar', { site: 'none' }, false],
    ['another site', { site: 'cross-site', origin: 'https://evil.example' }, true],
    ['another port of the same machine', { site: 'same-site', origin: 'http://gateway.lan:3000' }, true],
    ['another port, on plain HTTP', { origin: 'http://gateway.lan:3000' }, true],
    ['a sandboxed frame', { origin: 'null' }, true],
    [
      'the page behind a proxy that ends TLS and renames',
      { site: 'same-origin', origin: 'https://public.example' },
      false,
    ],
  ]
  for (const [name, { site, origin }, expected] of cases) {
    it(`${expected ? 'recognises' : 'does not take for one'}: ${name}`, () => {
      assert.equal(isCrossSite({ secFetchSite: site, origin, host }), expected)
    })
  }

  it('need a header that no form can set to change something', () => {
    const here = { secFetchSite: 'same-origin', origin: undefined, host }
    const none = { marker: undefined, authorization: undefined }
    assert.equal(isDeliberate(here, none), false)
    assert.equal(isDeliberate(here, { ...none, marker: '1' }), true)
    assert.equal(isDeliberate(here, { ...none, authorization: 'Bearer x' }), true)
    assert.equal(isDeliberate(here, { ...none, authorization: 'Basic x' }), false)
    assert.equal(isDeliberate({ ...here, secFetchSite: 'cross-site' }, { ...none, marker: '1' }), false)
  })

  it('may be a link that a user follows', () => {
    const there = { secFetchSite: 'cross-site', origin: undefined, host }
    assert.equal(isForeignRead(there, 'navigate'), false)
    assert.equal(isForeignRead(there, 'cors'), true)
    assert.equal(isForeignRead(there, undefined), true)
  })
})
