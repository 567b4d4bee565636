/**
 * Checks that commit subjects follow Conventional Commits: `npm run lint:commits [-- <base>]`.
 *
 * Without a base it checks the commits after the one that added this file: older history is exempt. That commit is
 * found in the history at hand, so a shallow clone checks what it has, and a clone of one commit has nothing to check.
 * Merge commits are not checked.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { subjectProblem } from './commit-subject.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))

function git(...args: string[]): string | undefined {
  try {
    return execFileSync('git', args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return undefined
  }
}

/** The commit that added this file, if it has been committed. */
function addedIn(): string | undefined {
  return (
    git('log', '--diff-filter=A', '--format=%H', '--', 'lint-commits.ts')?.split('\n').at(-1) || undefined
  )
}

function lint(requested: string | undefined): number {
  if (git('rev-parse', '--git-dir') === undefined) {
    console.log('lint:commits: not a git repository, nothing to check')
    return 0
  }
  const base = requested ?? addedIn()
  if (base === undefined) {
    console.log('lint:commits: this check has not been committed yet, nothing to check')
    return 0
  }
  const log = git('log', '--no-merges', '--format=%h %s', '--end-of-options', `${base}..HEAD`)
  if (log === undefined) {
    console.error(`lint:commits: unknown base ${base}`)
    return 2
  }
  const commits = log === '' ? [] : log.split('\n')
  const problems = commits.flatMap((line) => {
    const subject = line.slice(line.indexOf(' ') + 1)
    const problem = subjectProblem(subject)
    return problem === undefined ? [] : [`${line}\n  ${problem}`]
  })
  for (const problem of problems) console.error(problem)
  console.log(`lint:commits: ${commits.length} checked, ${problems.length} wrong`)
  return problems.length === 0 ? 0 : 1
}

process.exitCode = lint(process.argv[2])
