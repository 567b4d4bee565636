import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'olla-release-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** A repository of its own for each test. */
let repository: string

const changelog = '# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-02\n\n### Added\n\n- A thing.\n'

function write(file: string, content: unknown): void {
  writeFileSync(join(repository, file), typeof content === 'string' ? content : JSON.stringify(content))
}

function git(...args: string[]): string {
  return execFileSync('git', args, {
    cwd: repository,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim()
}

function commit(): void {
  git('add', '.')
  git('commit', '--quiet', '--message', 'test: release')
}

function release(...args: string[]): {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
} {
  return spawnSync(process.execPath, ['scripts/release.ts', ...args], { cwd: repository, encoding: 'utf8' })
}

/** The package's scripts leave a line in a file, so that a test sees whether they ran. */
const script = (name: string, status = 0) =>
  `node -e "fs.appendFileSync('.git/ran', '${name} '); process.exit(${status})"`

function packageFiles(scriptStatus = 0): void {
  write('package.json', {
    name: 'olla-gateway',
    version: '1.2.3',
    type: 'module',
    scripts: { check: script('check', scriptStatus), 'test:package': script('test:package') },
  })
  write('package-lock.json', { name: 'olla-gateway', version: '1.2.3' })
  write('CHANGELOG.md', changelog)
}

function ran(): string {
  try {
    return readFileSync(join(repository, '.git/ran'), 'utf8')
  } catch {
    return ''
  }
}

beforeEach(() => {
  repository = mkdtempSync(join(folder, 'repository-'))
  cpSync(scripts, join(repository, 'scripts'), { recursive: true })
  packageFiles()
  git('init', '--quiet')
  for (const [key, value] of [
    ['user.name', 'A'],
    ['user.email', 'a@example.com'],
    ['commit.gpgsign', 'false'],
    ['tag.gpgsign', 'false'],
  ] as const)
    git('config', key, value)
  commit()
})

describe('npm run release', () => {
  it('runs the checks and tags the commit with the notes', () => {
    const { status, stdout } = release()
    assert.equal(status, 0)
    assert.match(stdout, /git push --atomic origin HEAD v1\.2\.3/)
    assert.equal(ran(), 'check test:package ')
    assert.equal(git('rev-parse', 'v1.2.3^{commit}'), git('rev-parse', 'HEAD'))
    assert.equal(
      git('for-each-ref', '--format=%(objecttype) %(contents)', 'refs/tags'),
      'tag v1.2.3\n\n### Added\n\n- A thing.',
    )
  })

  it('changes nothing in a dry run', () => {
    const { status, stdout } = release('--dry-run')
    assert.equal(status, 0)
    assert.match(stdout, /would run: npm run check\n.*would create the tag v1\.2\.3.*- A thing\./s)
    assert.equal(git('tag'), '')
    assert.equal(ran(), '')
  })

  it('creates no tag if the tests fail', () => {
    packageFiles(1)
    commit()
    const { status, stderr } = release()
    assert.equal(status, 1)
    assert.match(stderr, /npm run check failed/)
    assert.equal(git('tag'), '')
  })

  for (const [name, spoil, message] of [
    ['a changed tree', () => write('new', ''), /working tree has changes:\n\?\? new/],
    ['a tag that exists', () => git('tag', 'v1.2.3'), /the tag v1\.2\.3 exists/],
    ['a changelog without the version', () => write('CHANGELOG.md', '# Changelog\n'), /has no section/],
    [
      'another version in the lockfile',
      () => write('package-lock.json', { version: '1.2.2' }),
      /says 1\.2\.2/,
    ],
  ] as const) {
    it(`rejects ${name}, in a dry run too`, () => {
      spoil()
      if (name !== 'a changed tree' && git('status', '--porcelain') !== '') commit()
      for (const args of [['--dry-run'], []]) {
        const { status, stderr } = release(...args)
        assert.equal(status, 1)
        assert.match(stderr, message)
      }
      assert.equal(ran(), '')
    })
  }

  it('prints the notes for the tag of the version only', () => {
    assert.equal(release('--notes', 'v1.2.3').stdout, '### Added\n\n- A thing.\n')
    const { status, stderr } = release('--notes', 'v1.2.4')
    assert.equal(status, 1)
    assert.match(stderr, /the tag is v1\.2\.4, but package\.json says 1\.2\.3/)
  })
})
