import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { withReport } from '../../bench/page.ts'

const page = '# Title\n\n<!-- bench: by a command -->\nold\n<!-- /bench -->\n\nafter\n'

describe('a page with a report', () => {
  it('has the new report in place of the old one, and everything else unchanged', () => {
    const once = withReport(page, 'new $& text\n')
    assert.equal(once, '# Title\n\n<!-- bench: by a command -->\n\nnew $& text\n\n<!-- /bench -->\n\nafter\n')
    assert.equal(withReport(once, 'new $& text'), once)
  })

  it('must have markers', () => {
    assert.throws(() => withReport('# Title\n', 'report'), /no marks/)
    assert.throws(() => withReport('<!-- /bench -->\n<!-- bench: x -->\n', 'report'), /no marks/)
  })

  it('is the structure of docs/performance.md', () => {
    const text = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8')
    assert.match(withReport(text, 'a report'), /\n\na report\n\n<!-- \/bench -->/)
  })
})
