import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseDocument } from 'yaml'
import manifest from '../../package.json' with { type: 'json' }

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}

interface Job {
  readonly uses?: string
  readonly environment?: unknown
  readonly permissions?: Readonly<Record<string, string>>
  readonly 'timeout-minutes'?: number
  readonly strategy?: { readonly matrix?: Readonly<Record<string, readonly unknown[]>> }
  readonly steps?: readonly Step[]
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

const root = new URL('../../', import.meta.url)
const list = (pattern: string) => globSync(pattern, { cwd: fileURLToPath(root) }).toSorted()
const read = (file: string) => readFileSync(new URL(file, root), 'utf8')
const parse = (file: string): unknown => {
  const document = parseDocument(read(file))
  assert.deepEqual([...document.errors, ...document.warnings], [])
  return document.toJS()
}
const workflow = (file: string) => parse(file) as Workflow

const yamlFiles = list('.github/**/*.yml')
const workflows = list('.github/workflows/*.yml')

/** The npm scripts that a text runs. */
export function namedScripts(text: string): readonly string[] {
  const runs = text.matchAll(/\bnpm (?:run(?:-script)?((?: --?[\w-]+)*) ([\w:.-]+)|(test|start)\b)/g)
  return [...runs].map(([, , name, short]) => name ?? short ?? '')
}

const unknownScripts = (text: string) =>
  namedScripts(text).filter((name) => !Object.keys(manifest.scripts).includes(name))

describe('files in .github', () => {
  for (const file of yamlFiles) it(`${file} is valid YAML`, () => assert.ok(parse(file)))
})

describe('npm scripts', () => {
  it('are found in commands', () => {
    assert.deepEqual(namedScripts('npm run a:b && npm test\nnpm run --silent c -- --d; npm ci; npm start'), [
      'a:b',
      'test',
      'c',
      'start',
    ])
  })

  for (const file of [
    ...workflows,
    '.ci/run',
    '.github/pull_request_template.md',
    'CONTRIBUTING.md',
    'README.md',
  ])
    it(`exist if ${file} names them`, () => assert.deepEqual(unknownScripts(read(file)), []))
})

describe('workflows', () => {
  for (const file of workflows) {
    const { permissions, jobs } = workflow(file)
    const steps = Object.values(jobs).flatMap((job) => job.steps ?? [])

    it(`${file} pins every action by commit and states its version`, () => {
      const loose = read(file)
        .split('\n')
        .filter((line) => /^\s*(?:- )?uses:/.test(line))
        .filter((line) => !/uses: (?:[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\.\/\S+)$/.test(line))
      assert.deepEqual(loose, [])
    })

    it(`${file} has read access unless a job requests more`, () => {
      assert.deepEqual(permissions, { contents: 'read' })
    })

    it(`${file} limits the duration of every job`, () => {
      const endless = Object.values(jobs).filter((job) => !job.uses && !job['timeout-minutes'])
      assert.deepEqual(endless, [])
    })

    it(`${file} leaves no credentials in a checkout`, () => {
      const checkouts = steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'))
      for (const step of checkouts) assert.equal(step.with?.['persist-credentials'], false)
    })

    it(`${file} puts no expression into a shell command`, () => {
      // Expressions are replaced before the shell reads the command: a branch name could run code.
      assert.deepEqual(
        steps.filter(({ run }) => run?.includes('${{')),
        [],
      )
    })

    it(`${file} gets an identity token only in a protected environment, in a job without a checkout`, () => {
      for (const job of Object.values(jobs).filter((one) => one.permissions?.['id-token'] === 'write')) {
        assert.ok(job.environment)
        assert.deepEqual(
          job.steps?.filter(({ uses }) => uses?.startsWith('actions/checkout@')),
          [],
        )
      }
    })
  }

  it('test every supported Node version on Linux and macOS', () => {
    const { jobs } = workflow('.github/workflows/ci.yml')
    assert.deepEqual(jobs.test?.strategy?.matrix, {
      os: ['ubuntu-latest', 'macos-latest'],
      node: [22, 24, 26],
    })
    const run = (name: string) => jobs[name]?.steps?.map((step) => step.run)
    assert.ok(run('coverage')?.includes('npm run coverage'))
    assert.ok(run('package')?.includes('npm run test:package'))
    assert.ok(run('lint')?.includes('npm run lint:commits'))
  })

  it('publish with provenance', () => {
    const { publish } = workflow('.github/workflows/release.yml').jobs
    assert.deepEqual(publish?.permissions, { 'id-token': 'write' })
    assert.ok(publish?.steps?.some(({ run }) => /^npm publish .*--provenance/.test(run ?? '')))
  })
})
