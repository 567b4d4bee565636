import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import {
  circles,
  folderCircles,
  type Import,
  importGraph,
  importsOf,
  sourceFiles,
} from '../../docs/generate/house/import-graph.ts'
import { mayImport, roomOf, rooms } from '../../docs/generate/house/rooms.ts'

const imports = importGraph(['src'])
const between = imports.filter(({ from, to }) => roomOf(from) !== roomOf(to))
const show = ({ from, to }: Import) => `${from} → ${to}`
const pair = ({ from, to }: Import) => [from, to] as const

describe('the rooms of src/', () => {
  it('are the listed ones', () => {
    const found = new Set(sourceFiles(['src']).map(roomOf))
    assert.deepEqual([...found].sort(), [...rooms.map(({ name }) => name), 'app', 'gateway', 'public'].sort())
  })

  it('appear in order on the architecture page', () => {
    const page = readFileSync(new URL('../../docs/design/architecture.md', import.meta.url), 'utf8')
    const named = [...page.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name)
    assert.deepEqual(
      named,
      rooms.map(({ name }) => name),
    )
  })

  it('import only rooms below them, types included', () => {
    assert.ok(between.length > 500, 'the imports were read')
    assert.deepEqual(between.filter(({ from, to }) => !mayImport(roomOf(from), roomOf(to))).map(show), [])
  })

  it('contain no import cycle between files, types included', () => {
    assert.deepEqual(circles(imports.map(pair)), [])
  })

  it('contain no import cycle between folders, types included', () => {
    assert.deepEqual(folderCircles(imports), [])
  })

  it('hold at most 24 files per folder', () => {
    const counts = new Map<string, number>()
    for (const path of sourceFiles(['src'])) {
      const folder = path.slice(0, path.lastIndexOf('/'))
      counts.set(folder, (counts.get(folder) ?? 0) + 1)
    }
    const crowded = [...counts].filter(([, count]) => count > 24)
    assert.deepEqual(crowded, [])
  })
})

describe('plugins/ and routes/', () => {
  for (const side of ['plugins', 'routes']) {
    it(`${side}/<room>/ import only their own room and those below it`, () => {
      const adapters = importGraph([side]).filter(({ to }) => to.startsWith('src/'))
      assert.ok(adapters.length > 50, 'the imports were read')
      const against = adapters.filter(({ from, to }) => !mayImport(from.split('/')[1] ?? '', roomOf(to)))
      assert.deepEqual(against.map(show), [])
    })
  }
})

describe('importsOf', () => {
  const cases: readonly (readonly [text: string, expected: readonly string[]])[] = [
    ["import { a } from './b.ts'", ['src/x/b.ts']],
    ["import type { A } from '../b.ts'", ['src/b.ts (type)']],
    ["import { type A, type B } from './b.ts'", ['src/x/b.ts (type)']],
    ["import { type A, b } from './b.ts'", ['src/x/b.ts']],
    ["import {\n  type A,\n  type B,\n} from './b.ts'", ['src/x/b.ts (type)']],
    ["export { a } from './b.ts'", ['src/x/b.ts']],
    ["export type { A } from './b.ts'", ['src/x/b.ts (type)']],
    ["export * from './b.ts'", ['src/x/b.ts']],
    ["import a, { type B } from './b.ts'", ['src/x/b.ts']],
    ["import './b.ts'", ['src/x/b.ts']],
    ["const a = await import('./b.ts')", ['src/x/b.ts']],
    ["import { a } from 'fastify'\nimport b from 'node:fs'", []],
  ]
  for (const [text, expected] of cases) {
    it(`reads ${JSON.stringify(text)}`, () => {
      const found = importsOf('src/x/a.ts', text).map(({ to, isType }) => (isType ? `${to} (type)` : to))
      assert.deepEqual(found, expected)
    })
  }
})

describe('circles', () => {
  it('finds each group of mutually reachable nodes, the largest first', () => {
    const arrows = ['ab', 'bc', 'ca', 'cd', 'de', 'ed', 'ff'].map(
      (each) => [each[0] ?? '', each[1] ?? ''] as const,
    )
    assert.deepEqual(circles(arrows), [
      ['a', 'b', 'c'],
      ['d', 'e'],
    ])
  })

  it('finds none in an acyclic graph', () => {
    assert.deepEqual(
      circles([
        ['a', 'b'],
        ['a', 'c'],
        ['b', 'c'],
      ]),
      [],
    )
  })
})
