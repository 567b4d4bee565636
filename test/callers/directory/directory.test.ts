import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noLimits, noPolicy } from '../../../src/callers/contract/defaults.ts'
import { namedByHost } from '../../../src/callers/directory/authenticate.ts'
import { CallerDirectory } from '../../../src/callers/directory/directory.ts'
import {
  type DirectoryChange,
  type DirectoryKey,
  type DirectoryTeam,
  noChange,
} from '../../../src/callers/directory/directory-data.ts'
import type { ExternalIdentity } from '../../../src/callers/identity/external-identity.ts'
import { KeyHasher } from '../../../src/callers/keys/key-hasher.ts'

const nowMs = 1_800_000_000_000
const hasher = new KeyHasher('a secret of the server')
const hashA = hasher.hash('a')
const hashB = hasher.hash('b')

const key = (overrides: Partial<DirectoryKey> = {}): DirectoryKey => ({
  id: 'key_1',
  name: 'ci',
  owner: undefined,
  team: undefined,
  enabled: true,
  expiresAtMs: undefined,
  policy: undefined,
  limits: undefined,
  hashes: [[hashA, undefined]],
  ...overrides,
})

const whole = (overrides: Partial<DirectoryChange> = {}): DirectoryChange => ({
  ...noChange,
  isWhole: true,
  keys: [key()],
  ...overrides,
})

function directoryOf(change: DirectoryChange): CallerDirectory {
  const directory = new CallerDirectory()
  directory.apply(change)
  return directory
}

const found = (directory: CallerDirectory, hash = hashA, atMs = nowMs) => {
  const result = directory.find(hash, atMs)
  return result === undefined ? 'unknown' : (result.refusal ?? result.caller.keyName)
}

describe('the directory of callers', () => {
  it('finds a key by its hash, and no other', () => {
    const directory = directoryOf(whole())
    assert.equal(found(directory), 'ci')
    assert.equal(found(directory, hashB), 'unknown')
    assert.equal(found(directory, hashA.slice(0, -1)), 'unknown')
    assert.equal(found(directory, `${hashA.slice(0, -1)}_`), 'unknown')
    assert.equal(found(directory, ''), 'unknown')
  })

  it('returns one object for all requests of a key', () => {
    const directory = directoryOf(whole())
    assert.equal(directory.find(hashA, nowMs)?.caller, directory.find(hashA, nowMs + 1)?.caller)
  })

  it('refuses a key once it has expired or been disabled', () => {
    const directory = directoryOf(whole({ keys: [key({ expiresAtMs: nowMs + 5 })] }))
    assert.deepEqual(
      [found(directory, hashA, nowMs + 4), found(directory, hashA, nowMs + 5)],
      ['ci', 'expired'],
    )
    directory.apply({ ...noChange, keys: [key({ enabled: false })] })
    assert.equal(found(directory), 'disabled')
    directory.apply({ ...noChange, keys: [key()] })
    assert.equal(found(directory), 'ci')
  })

  it('forgets a deleted key with all its secrets', () => {
    const directory = directoryOf(
      whole({
        keys: [
          key({
            hashes: [
              [hashA, undefined],
              [hashB, nowMs + 10],
            ],
          }),
        ],
      }),
    )
    directory.apply({ ...noChange, deletedKeys: ['key_1', 'key_unknown'] })
    assert.deepEqual([found(directory), found(directory, hashB), directory.size], ['unknown', 'unknown', 0])
  })

  it('accepts a replaced secret until its end', () => {
    const directory = directoryOf(
      whole({
        keys: [
          key({
            hashes: [
              [hashA, nowMs + 10],
              [hashB, undefined],
            ],
          }),
        ],
      }),
    )
    assert.equal(found(directory, hashA, nowMs + 9), 'ci')
    assert.equal(found(directory, hashA, nowMs + 10), 'replaced')
    assert.equal(found(directory, hashB, nowMs + 10), 'ci')
    assert.equal(
      directory.find(hashA, nowMs)?.caller,
      directory.find(hashB, nowMs)?.caller,
      'both secrets are the same caller, with the same limits',
    )
  })

  it('combines a key with its owner and team, also when they change', () => {
    const limits = { ...noLimits, max_concurrent: 3 }
    const policy = { ...noPolicy, models: { include: ['llama*'], exclude: [] } }
    const directory = directoryOf(
      whole({
        keys: [key({ owner: 'ann', team: 'ml', limits: { ...noLimits, requests_per_minute: 5 } })],
        teams: [{ name: 'ml', enabled: true, policy, limits }],
      }),
    )
    const caller = directory.find(hashA, nowMs)?.caller
    assert.deepEqual(
      caller?.subjects.map((subject) => [subject.kind, subject.id, subject.limits?.max_concurrent]),
      [
        ['key', 'key_1', 0],
        ['owner', 'ann', undefined],
        ['team', 'ml', 3],
      ],
    )
    assert.equal(caller?.access?.allowsModel('qwen3'), false)
    directory.apply({
      ...noChange,
      teams: [{ name: 'ml', enabled: false, policy: undefined, limits: undefined }],
    })
    assert.equal(found(directory), 'disabled')
    directory.apply({ ...noChange, deletedTeams: ['ml'], owners: [{ name: 'ann', enabled: true, limits }] })
    const changed = directory.find(hashA, nowMs)?.caller
    assert.equal(changed?.access, undefined)
    assert.equal(changed?.subjects[1]?.limits, limits)
  })

  it('is replaced as a whole', () => {
    const directory = directoryOf(whole({ owners: [{ name: 'ann', enabled: false, limits: undefined }] }))
    directory.apply(
      whole({ keys: [key({ id: 'key_2', name: 'two', hashes: [[hashB, undefined]], owner: 'ann' })] }),
    )
    assert.deepEqual([found(directory), found(directory, hashB), directory.size], ['unknown', 'two', 1])
  })

  it('gives its whole content to the directory of another thread', () => {
    const keys = [
      key({ owner: 'ann', team: 'ml' }),
      key({
        id: 'key_2',
        name: 'two',
        hashes: [
          [hashB, nowMs + 10],
          [hasher.hash('c'), undefined],
        ],
      }),
      key({ id: 'key_3', name: 'none', hashes: [] }),
    ]
    const given = whole({ keys, owners: [{ name: 'ann', enabled: true, limits: undefined }] })
    const directory = directoryOf(given)
    assert.deepEqual(directory.content(), given)
    const copy = directoryOf(structuredClone(directory.content()))
    assert.deepEqual([found(copy), found(copy, hashB), found(copy, hasher.hash('c'))], ['ci', 'two', 'two'])
    assert.equal(found(copy, hashB, nowMs + 10), 'replaced')
  })

  it('remembers a bounded number of callers that a host names', () => {
    const directory = directoryOf(whole())
    const named = (name: string) => directory.external(namedByHost(name)).caller
    const first = named('alice')
    assert.deepEqual([first.owner, first.keyId, named('alice') === first], ['alice', 'caller:alice', true])
    for (let number = 0; number < 10_000; number++) named(`name ${number}`)
    assert.notEqual(named('alice'), first)
  })
})

describe('callers from elsewhere', () => {
  const rules = { teams: { 'group-1': 'ml' }, requireTeam: false }
  const ann: ExternalIdentity = {
    kind: 'jwt',
    id: '1',
    name: 'ann',
    owner: 'ann',
    groups: ['group-1'],
    rules,
  }
  const team = (overrides: Partial<DirectoryTeam> = {}): DirectoryTeam => ({
    name: 'ml',
    enabled: true,
    policy: undefined,
    limits: undefined,
    ...overrides,
  })

  it('get the limits and policies of the owner and team of that name', () => {
    const limits = { ...noLimits, max_concurrent: 1 }
    const policy = { ...noPolicy, models: { include: ['llama*'], exclude: [] }, priority: 'high' as const }
    const directory = directoryOf(
      whole({ teams: [team({ policy })], owners: [{ name: 'ann', enabled: true, limits }] }),
    )
    const { caller, refusal } = directory.external(ann)
    assert.deepEqual(
      [caller.keyId, caller.team, caller.priority, refusal],
      ['jwt:1', 'ml', 'high', undefined],
    )
    assert.deepEqual(
      caller.subjects.map(({ kind, id, limits: own }) => [kind, id, own]),
      [
        ['owner', 'ann', limits],
        ['team', 'ml', undefined],
      ],
    )
    assert.equal(caller.access?.allowsModel('gpt'), false)
    assert.equal(directory.external({ ...ann, groups: ['group-1'] }).caller, caller, 'one object for each')
  })

  it('follow changes of their team and owner', () => {
    const directory = directoryOf(whole({ teams: [team()] }))
    const before = directory.revision
    assert.equal(directory.external(ann).refusal, undefined)
    directory.apply({ ...noChange, teams: [team({ enabled: false })] })
    assert.equal(directory.external(ann).refusal, 'disabled')
    directory.apply({ ...noChange, deletedTeams: ['ml'] })
    assert.equal(directory.external(ann).refusal, 'no_team', 'the team that the rules name')
    assert.equal(directory.revision, before + 2)
  })

  it('have the first team of their groups that there is, or the default one', () => {
    const directory = directoryOf(whole({ teams: [team(), team({ name: 'web' })] }))
    const teamOf = (groups: string[], more: Partial<ExternalIdentity['rules']> = {}) => {
      const { caller, refusal } = directory.external({ ...ann, groups, rules: { ...rules, ...more } })
      return refusal ?? caller.team
    }
    assert.equal(teamOf(['other', 'web', 'group-1']), 'web')
    assert.equal(teamOf(['other']), undefined)
    assert.equal(teamOf(['another'], { defaultTeam: 'ml' }), 'ml')
    assert.equal(teamOf(['a third'], { requireTeam: true }), 'no_team')
    assert.equal(teamOf([], { defaultTeam: 'gone' }), 'no_team')
  })
})
