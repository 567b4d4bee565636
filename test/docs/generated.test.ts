import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { documents } from '../../docs/generate/documents.ts'
import { cell, table } from '../../docs/generate/markdown.ts'

describe('files that are made from the code', () => {
  for (const { path, render } of documents) {
    it(`${path} is up to date (npm run docs)`, async () => {
      const written = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
      assert.equal(written, await render())
    })
  }

  it('keeps pipes and line ends inside their cells', () => {
    assert.equal(table(['a'], [[cell('x|y\nz')]]), '| a |\n| --- |\n| x\\|y z |')
  })
})
