import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { documents } from '../../docs/generate/documents.ts'
import { cell, table } from '../../docs/generate/markdown.ts'

describe('generated files', () => {
  for (const { path, render } of documents) {
    it(`include an up-to-date ${path} (npm run docs)`, async () => {
      const written = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
      assert.equal(written, await render())
    })
  }

  it('escape pipes and line ends in table cells', () => {
    assert.equal(table(['a'], [[cell('x|y\nz')]]), '| a |\n| --- |\n| x\\|y z |')
  })
})
