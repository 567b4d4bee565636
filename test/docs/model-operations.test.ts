import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { operationKinds } from '../../src/endpoints/operations/contract/operation.ts'
import { engineApis } from '../../src/endpoints/operations/engines/engines.ts'
import { ProfileStore } from '../../src/endpoints/profiles/profile-store.ts'
import { profilesFolder } from '../../src/kernel/package.ts'

const page = readFileSync(new URL('../../docs/model-operations.md', import.meta.url), 'utf8')
const profiles = new ProfileStore({ builtIn: profilesFolder }).all()

describe('docs/model-operations.md', () => {
  it('lists what each engine can', () => {
    const rows = [...page.matchAll(/^\| ([A-Za-z][\w .]*) \| ((?:`\w+`(?:, )?)+) \|/gm)].map(
      ([, engine, kinds = '']) => `${engine}: ${kinds.replaceAll('`', '')}`,
    )
    const expected = profiles.flatMap(({ displayName, operations }) => {
      if (operations === undefined) return []
      const kinds = operationKinds.filter((kind) => engineApis[operations].operations[kind] !== undefined)
      return [`${displayName}: ${kinds.join(', ')}`]
    })
    assert.deepEqual(rows.sort(), expected.sort())
  })
})
