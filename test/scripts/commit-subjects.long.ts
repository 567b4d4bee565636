import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { subjectProblem } from '../../scripts/commit-subject.ts'

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'olla-commits-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function git(cwd: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=A', '-c', 'user.email=a@example.com', '-c', 'commit.gpgsign=false']
  return execFileSync('git', [...identity, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

const commit = (cwd: string, subject: string) =>
  git(cwd, 'commit', '--allow-empty', '--quiet', '--message', subject)

function lint(cwd: string, ...args: string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/lint-commits.ts', ...args], {
    cwd,
    encoding: 'utf8',
  })
  return { status, output: stdout + stderr }
}

/** A repository with old history, the commit that adds the check, and commits with these subjects. */
function repository(name: string, ...subjects: string[]): string {
  const path = join(folder, name)
  git(folder, 'init', '--quiet', path)
  commit(path, 'Old history is not conventional')
  cpSync(scripts, join(path, 'scripts'), { recursive: true })
  git(path, 'add', '.')
  commit(path, 'Neither is the commit that adds the check')
  for (const subject of subjects) commit(path, subject)
  return path
}

describe('a commit subject', () => {
  const ok = [
    'fix: a',
    'feat(http1)!: retry stale connections at once',
    'build(deps-dev): bump the tools group with 3 updates',
    'Revert "feat: a"',
    `docs: ${'é'.repeat(66)}`,
  ]
  for (const subject of ok) it(`may be ${subject}`, () => assert.equal(subjectProblem(subject), undefined))

  const wrong = [
    ['Fix: a', /not of the form/],
    ['fix a', /not of the form/],
    ['fix:a', /not of the form/],
    ['fix: ', /not of the form/],
    ['fix(Two Words): a', /not of the form/],
    ['feature: a', /not of the form/],
    ['fixup! fix: a', /not of the form/],
    [`docs: ${'a'.repeat(67)}`, /^73 characters/],
  ] as const
  for (const [subject, problem] of wrong)
    it(`may not be ${subject}`, () => assert.match(subjectProblem(subject) ?? '', problem))
})

describe('npm run lint:commits', () => {
  it('checks the commits after the one that added it', () => {
    assert.deepEqual(lint(repository('good', 'fix: a')), {
      status: 0,
      output: 'lint:commits: 1 checked, 0 wrong\n',
    })
    const { status, output } = lint(repository('bad', 'fix: a', 'No type', 'docs: b'))
    assert.equal(status, 1)
    assert.match(output, /^lint:commits: 3 checked, 1 wrong\n[0-9a-f]+ No type\n {2}not of the form/)
  })

  it('checks the commits after a given base', () => {
    const path = repository('base', 'No type', 'fix: a')
    assert.equal(lint(path, 'HEAD~1').status, 0)
    assert.equal(lint(path, 'HEAD~2').status, 1)
    assert.deepEqual(lint(path, 'missing'), { status: 2, output: 'lint:commits: unknown base missing\n' })
  })

  it('does not check merges', () => {
    const path = repository('merge', 'fix: a')
    git(path, 'checkout', '--quiet', '-b', 'topic', 'HEAD~1')
    commit(path, 'fix: b')
    git(path, 'merge', '--quiet', '--no-edit', '-')
    assert.deepEqual(lint(path), { status: 0, output: 'lint:commits: 2 checked, 0 wrong\n' })
  })

  for (const depth of ['1', '2']) {
    it(`passes in a clone of depth ${depth}`, () => {
      const source = repository(`source-${depth}`, 'No type', 'fix: a')
      const clone = join(folder, `clone-${depth}`)
      git(folder, 'clone', '--quiet', '--depth', depth, `file://${source}`, clone)
      assert.equal(lint(clone).status, 0)
    })
  }

  it('passes outside a repository', () => {
    const path = join(folder, 'none')
    cpSync(scripts, join(path, 'scripts'), { recursive: true })
    assert.deepEqual(lint(path), {
      status: 0,
      output: 'lint:commits: not a git repository, nothing to check\n',
    })
  })
})
