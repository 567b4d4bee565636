/**
 * Releases the version that package.json names: `npm run release [-- --dry-run]`.
 *
 * It checks that the tree is clean, that the lockfile and the changelog agree with package.json and that the tag is
 * free, runs the tests and creates an annotated tag with the changelog's notes. Pushing the tag is left to the person;
 * the release workflow then publishes the package.
 *
 * `--dry-run` makes the same checks and prints the rest instead of doing it. `--notes TAG` prints the notes of the
 * version and fails unless TAG belongs to it; the release workflow uses it.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { changelogProblems, changelogSections } from './changelog.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const scriptsToPass = ['check', 'test:package']

const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')

function versionIn(file: string): string {
  const manifest: unknown = JSON.parse(read(file))
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
    return String(manifest.version)
  throw new Error(`${file} has no version`)
}

/** Returns the output of a git command, or `undefined` if it fails. */
function git(...args: string[]): string | undefined {
  const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  return status === 0 ? stdout.trimEnd() : undefined
}

function run(command: string, ...args: string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`)
}

function findProblems(version: string, tag: string): readonly string[] {
  const problems = [...changelogProblems(changelogSections(read('CHANGELOG.md')), version)]
  const changes = git('status', '--porcelain')
  if (changes === undefined) problems.push('this is not a git repository')
  else if (changes !== '') problems.push(`the working tree has changes:\n${changes}`)
  if (git('rev-parse', '--verify', '--quiet', `refs/tags/${tag}`) !== undefined)
    problems.push(`the tag ${tag} exists: set a new version with npm version --no-git-tag-version`)
  const locked = versionIn('package-lock.json')
  if (locked !== version)
    problems.push(`package-lock.json says ${locked}, package.json ${version}: run npm install`)
  return problems
}

function notesOf(version: string): string {
  return changelogSections(read('CHANGELOG.md')).find(({ name }) => name === version)?.notes ?? ''
}

function release(version: string, tag: string, dryRun: boolean): void {
  const problems = findProblems(version, tag)
  if (problems.length > 0) throw new Error(`${tag} cannot be released:\n- ${problems.join('\n- ')}`)
  if (dryRun) {
    for (const script of scriptsToPass) console.log(`would run: npm run ${script}`)
    console.log(`would create the tag ${tag} on ${git('rev-parse', '--short', 'HEAD')} with these notes:\n`)
    console.log(notesOf(version))
    return
  }
  for (const script of scriptsToPass) run('npm', 'run', script)
  // Headings of the notes begin with "#", which git would take for comments.
  run('git', 'tag', '--annotate', '--cleanup=verbatim', '--message', `${tag}\n\n${notesOf(version)}\n`, tag)
  console.log(`Created the tag ${tag}. To publish it: git push --atomic origin HEAD ${tag}`)
}

function printNotes(version: string): void {
  const problems = changelogProblems(changelogSections(read('CHANGELOG.md')), version)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  console.log(notesOf(version))
}

function main(): void {
  const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean' }, notes: { type: 'string' } } })
  const version = versionIn('package.json')
  const tag = `v${version}`
  if (values.notes === undefined) release(version, tag, values['dry-run'] ?? false)
  else if (values.notes === tag) printNotes(version)
  else throw new Error(`the tag is ${values.notes}, but package.json says ${version}`)
}

try {
  main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
