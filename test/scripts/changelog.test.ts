import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { changelogProblems, changelogSections } from '../../scripts/changelog.ts'

const text = `# Changelog

## [Unreleased]

## [1.1.0] - 2026-02-03

### Added

- A thing ([#1](https://example.com/1)).

## 1.0.0 - soon

First version.

[1.1.0]: https://example.com/v1.1.0
`

describe('a changelog', () => {
  it('is split into versions, without the links at its end', () => {
    assert.deepEqual(changelogSections(text), [
      { name: 'Unreleased', date: undefined, notes: '' },
      {
        name: '1.1.0',
        date: '2026-02-03',
        notes: '### Added\n\n- A thing ([#1](https://example.com/1)).',
      },
      { name: '1.0.0', date: undefined, notes: 'First version.' },
    ])
  })

  it('has nothing against a version with a date and entries', () => {
    assert.deepEqual(changelogProblems(changelogSections(text), '1.1.0'), [])
  })

  for (const [name, version, changelog, problems] of [
    ['a version without a section', '2.0.0', text, [/no section "## \[2\.0\.0\]/]],
    ['a version without date and entries', '1.0.0', text, [/has no date/, /has no entries/]],
    [
      'entries that are unreleased',
      '1.1.0',
      text.replace('sed]\n', 'sed]\n\n- New.\n'),
      [/move the entries/],
    ],
  ] as const) {
    it(`refuses ${name}`, () => {
      const found = changelogProblems(changelogSections(changelog), version)
      assert.equal(found.length, problems.length)
      for (const [index, problem] of problems.entries()) assert.match(found[index] ?? '', problem)
    })
  }
})
