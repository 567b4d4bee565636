import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KeyHasher } from '../../src/callers/keys/key-hasher.ts'
import { encodeConfig } from '../../src/config/print.ts'
import { load, problems, warningsOf } from './support.ts'

const secret = "secret: '0123456789abcdef0123456789abcdef'"
const hash = `hmac-sha256:${new KeyHasher('x').hash('a')}`
const other = `hmac-sha256:${new KeyHasher('x').hash('b')}`

describe('callers in a file', () => {
  const cases: [string, string, RegExp][] = [
    [
      'a limit that is a text',
      `callers:\n  ${secret}\n  keys:\n    - name: ci\n      hash: ${hash}\n      limits:\n        requests_per_minute: many\n`,
      /config\.yaml:7:9 callers\.keys\[0\]\.limits\.requests_per_minute: must be a whole number/,
    ],
    [
      'a limit below zero',
      `callers:\n  teams:\n    - name: ml\n      limits: { max_concurrent: -1 }\n`,
      /config\.yaml:4:17 callers\.teams\[0\]\.limits\.max_concurrent: must be at least 0/,
    ],
    [
      'a budget without an amount',
      `callers:\n  owners:\n    - name: ann\n      limits:\n        budgets:\n          - period: day\n`,
      /config\.yaml:6:\d+ callers\.owners\[0\]\.limits\.budgets\[0\]: "amount" is missing/,
    ],
    [
      'a period that is none',
      `callers:\n  owners:\n    - name: ann\n      limits: { budgets: [{ amount: 1, period: dya }] }\n`,
      /callers\.owners\[0\]\.limits\.budgets\[0\]\.period: must be one of hour, day, .*did you mean "day"/,
    ],
    [
      'a misspelt limit',
      `callers:\n  ${secret}\n  keys: [{ name: ci, hash: '${hash}', limits: { request_per_minute: 5 } }]\n`,
      /callers\.keys\[0\]\.limits\.request_per_minute: unknown key, did you mean "requests_per_minute"\?/,
    ],
    [
      'a hash of another form',
      `callers:\n  ${secret}\n  keys:\n    - { name: ci, hash: sk-plain }\n`,
      /config\.yaml:4:19 callers\.keys\[0\]\.hash: has the wrong form/,
    ],
    [
      'keys without a secret',
      `callers: { keys: [{ name: ci, hash: '${hash}' }] }\n`,
      /callers\.secret: is needed, because keys are hashed with it/,
    ],
    [
      'PostgreSQL without a secret',
      'callers: { store: "postgres://h/db" }\n',
      /callers\.secret: is needed: all gateways at this store/,
    ],
    [
      'a database of another kind',
      `callers:\n  ${secret}\n  store: mysql://h/db\n`,
      /config\.yaml:3:3 callers\.store: must be the path of a SQLite file, or a URL such as postgres:/,
    ],
    [
      'a secret that is too short',
      'callers: { secret: short, store: a.db }\n',
      /callers\.secret: must have at least 32 characters/,
    ],
    [
      'one name twice',
      `callers:\n  ${secret}\n  keys: [{ name: ci, hash: '${hash}' }, { name: ci, hash: '${other}' }]\n`,
      /callers\.keys\[1\]\.name: another one has this name/,
    ],
    [
      'one hash twice',
      `callers:\n  ${secret}\n  keys: [{ name: a, hash: '${hash}' }, { name: b, hash: '${hash}' }]\n`,
      /callers\.keys\[1\]\.hash: another key has this hash/,
    ],
    [
      'an unknown team',
      `callers:\n  ${secret}\n  keys: [{ name: a, hash: '${hash}', team: ml }]\n`,
      /callers\.keys\[0\]\.team: there is no team "ml"/,
    ],
    [
      'a time that is none',
      `callers:\n  ${secret}\n  keys: [{ name: a, hash: '${hash}', expires: '2027-02-31' }]\n`,
      /callers\.keys\[0\]\.expires: must be a time as in RFC 3339/,
    ],
    [
      'a network that is none',
      'callers: { store: a.db, teams: [{ name: a, policy: { networks: [10.0.0.1] } }] }\n',
      /callers\.teams\[0\]\.policy\.networks\[0\]: "10\.0\.0\.1" is not a network/,
    ],
    [
      'a route that is none',
      'callers: { store: a.db, teams: [{ name: a, policy: { routes: [v1] } }] }\n',
      /callers\.teams\[0\]\.policy\.routes\[0\]: must begin with/,
    ],
    [
      'a cap that is no number',
      'callers: { store: a.db, teams: [{ name: a, policy: { caps: { max_tokens: all } } }] }\n',
      /callers\.teams\[0\]\.policy\.caps\.max_tokens: must be a number/,
    ],
    [
      'a secret file that is missing',
      'callers: { store: a.db, secret_file: /nonexistent/secret }\n',
      /callers\.secret_file: the file \/nonexistent\/secret cannot be read/,
    ],
  ]
  for (const [name, text, message] of cases)
    it(`are refused for ${name}`, async () => assert.match(await problems(text), message))

  it('are shown without secrets, hashes and passwords', async () => {
    const { config } = await load(
      `callers:\n  ${secret}\n  store: postgres://gateway:hunter2@db.example:5432/keys?password=hunter3\n  keys: [{ name: ci, hash: '${hash}' }]\n`,
    )
    const text = JSON.stringify(encodeConfig(config))
    for (const hidden of ['hunter2', 'hunter3', '0123456789abcdef', hash.slice(12)])
      assert.ok(!text.includes(hidden), hidden)
    assert.match(text, /postgres:\/\/gateway:\[secret\]@db\.example:5432\/keys/)
  })

  it('warn if no client can have a key', async () => {
    assert.match(
      warningsOf(await load(`callers: { enabled: true, ${secret} }\n`)),
      /callers\.enabled: there are neither keys nor a store/,
    )
  })
})
