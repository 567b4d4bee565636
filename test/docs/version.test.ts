import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import manifest from '../../package.json' with { type: 'json' }
import lock from '../../package-lock.json' with { type: 'json' }
import { changelogProblems, changelogSections } from '../../scripts/changelog.ts'

const { version } = manifest
const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')

describe('the version in package.json', () => {
  it('equals that in the lockfile', () => {
    assert.deepEqual([lock.version, lock.packages[''].version], [version, version])
  })

  for (const [file, pattern] of [
    ['config/openapi.json', /^ {2}"version": "(.+)"/m],
    ['docs/internal-api.md', /^ {2}"version": "(.+)",$/m],
    ['deploy/helm/olla-gateway/Chart.yaml', /^version: (.+)$/m],
    ['deploy/helm/olla-gateway/Chart.yaml', /^appVersion: (.+)$/m],
    ['deploy/kubernetes/olla-gateway.yaml', /image: "olla-gateway:(\S+)"$/m],
  ] as const)
    it(`equals that in ${file}`, () => assert.equal(pattern.exec(read(file))?.[1], version))

  it('belongs to the minor version that SECURITY.md supports', () => {
    assert.equal(/^\| (\S+)\.x +\| yes/m.exec(read('SECURITY.md'))?.[1], version.split('.', 2).join('.'))
  })

  it('has a section in the changelog, the first released one', () => {
    const sections = changelogSections(read('CHANGELOG.md'))
    const [first, second] = sections
    assert.equal(first?.name, 'Unreleased')
    assert.equal(second?.name, version)
    const released = sections.filter(({ name }) => name !== 'Unreleased')
    assert.deepEqual(changelogProblems(released, version), [])
  })
})
