import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/schema/diagnostics.ts'

function problems(callers: Record<string, unknown>): string[] {
  try {
    parseConfig({ callers })
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.diagnostics.filter(({ severity }) => severity === 'error').map(({ key }) => key)
  }
}

describe('callers from elsewhere in the configuration', () => {
  const issuer = 'https://login.example.com/realm'
  const jwt = { issuer, audience: ['gateway'] }
  const header = { networks: ['10.0.0.0/8'] }
  const cases: [string, Record<string, unknown>, string[]][] = [
    ['tokens need no secret for keys', { jwt }, []],
    ['a header needs none either', { trusted_header: header }, []],
    [
      'tokens with keys do',
      { jwt, keys: [{ name: 'a', hash: `hmac-sha256:${'a'.repeat(43)}` }] },
      ['callers.secret'],
    ],
    ['an audience is needed', { jwt: { issuer } }, ['callers.jwt.audience']],
    ['an issuer is needed', { jwt: { audience: ['x'] } }, ['callers.jwt.issuer']],
    ['keys come over TLS', { jwt: { ...jwt, issuer: 'http://login.example.com' } }, ['callers.jwt.issuer']],
    ['or from this machine', { jwt: { ...jwt, issuer: 'http://127.0.0.1:9000' } }, []],
    [
      'a URL like it is not',
      { jwt: { ...jwt, jwks_url: 'http://127.0.0.1.example.com/' } },
      ['callers.jwt.jwks_url'],
    ],
    [
      'an issuer is a name if the URL is given',
      { jwt: { ...jwt, issuer: 'us', jwks_url: `${issuer}/k` } },
      [],
    ],
    ['a URL has no credentials', { jwt: { ...jwt, jwks_url: 'https://a:b@c/' } }, ['callers.jwt.jwks_url']],
    ['algorithms are asymmetric', { jwt: { ...jwt, algorithms: ['HS256'] } }, ['callers.jwt.algorithms[0]']],
    ['and at least one', { jwt: { ...jwt, algorithms: [] } }, ['callers.jwt.algorithms']],
    ['several issuers are a list', { jwt: [jwt, { ...jwt, issuer: `${issuer}2`, name: 'b' }] }, []],
    [
      'whose problems name the entry',
      { jwt: [jwt, { ...jwt, issuer: `${issuer}2`, name: 'b', audience: [] }] },
      ['callers.jwt[1].audience'],
    ],
    ['with its unknown keys', { jwt: [{ ...jwt, audiences: [] }] }, ['callers.jwt[0].audiences']],
    [
      'an issuer is in the list once',
      { jwt: [jwt, jwt] },
      ['callers.jwt[0].issuer', 'callers.jwt[1].issuer'],
    ],
    [
      'and has a name of its own',
      { jwt: [jwt, { ...jwt, issuer: `${issuer}2` }] },
      ['callers.jwt[0].name', 'callers.jwt[1].name'],
    ],
    ['a default team exists', { jwt: { ...jwt, default_team: 'ml' } }, ['callers.jwt.default_team']],
    [
      'so does a mapped one',
      { trusted_header: { ...header, teams: { g: 'ml' } } },
      ['callers.trusted_header.teams.g'],
    ],
    ['an interval is not 0', { jwt: { ...jwt, stale_limit: 0 } }, ['callers.jwt.stale_limit']],
    [
      'a network is one',
      { trusted_header: { networks: ['10.0.0.1'] } },
      ['callers.trusted_header.networks[0]'],
    ],
    ['a header is one', { trusted_header: { ...header, user: 'X User' } }, ['callers.trusted_header.user']],
    [
      'and has no other meaning',
      { trusted_header: { ...header, user: 'Authorization' } },
      ['callers.trusted_header.user'],
    ],
    [
      'and is not used twice',
      { trusted_header: { ...header, groups: 'x-forwarded-user' } },
      ['callers.trusted_header.groups'],
    ],
  ]
  for (const [name, callers, expected] of cases) {
    it(name, () => assert.deepEqual(problems(callers), expected))
  }
})
