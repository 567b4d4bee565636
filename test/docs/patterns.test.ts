import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'

const root = new URL('../../', import.meta.url)

describe('the documentation', () => {
  for (const page of ['docs/patterns.md', 'README.md', 'CONTRIBUTING.md']) {
    it(`${page} names only files that exist`, () => {
      const text = readFileSync(new URL(page, root), 'utf8')
      const named = [
        ...text.matchAll(/`((?:src|plugins|routes|test|config|docs|simulator|bench)\/[\w./-]*)`/g),
      ]
      const linked = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)]
      assert.ok(named.length + linked.length > 0)
      const missing = [
        ...named,
        ...linked.map((match) => [match[0], new URL(match[1] ?? '', new URL(page, root)).pathname] as const),
      ]
        .map(([, path]) => path ?? '')
        .filter((path) => !existsSync(path.startsWith('/') ? path : new URL(path, root)))
      assert.deepEqual(missing, [])
    })
  }
})
