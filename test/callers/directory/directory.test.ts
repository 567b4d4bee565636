import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noLimits, noPolicy } from '../../../src/callers/contract/defaults.ts'
import { CallerDirectory } from '../../../src/callers/directory/directory.ts'
import {
  type DirectoryChange,
  type DirectoryKey,
  noChange,
} from '../../../src/callers/directory/directory-data.ts'
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
    const first = directory.named('alice')
    assert.deepEqual(
      [first.owner, first.keyId, directory.named('alice') === first],
      ['alice', 'caller:alice', true],
    )
    for (let number = 0; number < 10_000; number++) directory.named(`name ${number}`)
    assert.notEqual(directory.named('alice'), first)
  })
})
