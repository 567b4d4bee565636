import assert from 'node:assert/strict'
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { StateFile } from '../../../src/endpoints/overlay/state-file.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'state-file-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

describe('the state file', () => {
  it('holds the last of many changes at once, and leaves no other file', async (t) => {
    const path = folder(t)
    const file = join(path, 'state.json')
    const state = new StateFile(file)
    const reasons = await Promise.all(
      Array.from({ length: 50 }, (_each, at) =>
        state.keep({ endpoints: new Map([[`name-${at}`.repeat(at), { kind: 'removed' }]]) }),
      ),
    )
    assert.deepEqual(new Set(reasons), new Set([undefined]))
    assert.deepEqual([...new StateFile(file).state.endpoints.keys()], ['name-49'.repeat(49)])
    assert.deepEqual(readdirSync(path), ['state.json'])
  })

  it('is written again after a write that was not possible', async (t) => {
    const path = folder(t)
    const state = new StateFile(join(path, 'missing', 'state.json'))
    assert.equal(await state.keep({ endpoints: new Map() }), 'ENOENT')
    assert.equal(await state.keep({ endpoints: new Map() }), 'ENOENT')
  })

  it('stays a link', async (t) => {
    const path = folder(t)
    writeFileSync(join(path, 'real.json'), '{"version":1,"endpoints":{}}')
    symlinkSync('real.json', join(path, 'state.json'))
    const state = new StateFile(join(path, 'state.json'))
    await state.keep({ endpoints: new Map([['one', { kind: 'removed' }]]) })
    assert.ok(lstatSync(join(path, 'state.json')).isSymbolicLink())
    assert.match(readFileSync(join(path, 'real.json'), 'utf8'), /one/)
  })
})
