import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)
const pages = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: fileURLToPath(root) })

/** As code hosts generate them: lower case, hyphens for spaces, no punctuation. */
function anchorsOf(text: string): Set<string> {
  const headings = text.replaceAll(/^```.*?^```/gms, '').matchAll(/^#+\s+(.*)$/gm)
  return new Set(
    [...headings].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  )
}

function brokenLinks(page: string): string[] {
  const url = new URL(page, root)
  const text = readFileSync(url, 'utf8').replaceAll(/^```.*?^```/gms, '')
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  return targets.filter((target) => {
    if (/^[a-z]+:/i.test(target)) return !URL.canParse(target)
    const [path = '', anchor] = target.split('#')
    const file = path === '' ? url : new URL(path, url)
    if (!existsSync(file)) return true
    return anchor !== undefined && !anchorsOf(readFileSync(file, 'utf8')).has(anchor)
  })
}

/** A user's own, never in the repository. */
const usersFile = 'config/config.local.yaml'

/** Files that a page names in code style, so that a moved one is found. */
function missingFiles(page: string): string[] {
  const text = readFileSync(new URL(page, root), 'utf8')
  const named = text.matchAll(
    /`((?:src|plugins|routes|test|config|docs|simulator|bench|examples)\/[\w./-]+\.\w+)`/g,
  )
  return [...named]
    .map(([, path = '']) => path)
    .filter((path) => path !== usersFile && !existsSync(new URL(path, root)))
}

describe('links and file names in the documentation', () => {
  for (const page of pages) {
    it(`resolve in ${page}`, () => {
      assert.deepEqual(brokenLinks(page), [])
      assert.deepEqual(missingFiles(page), [])
    })
  }
})

describe('the index of the design pages', () => {
  it('lists every page', () => {
    const folder = new URL('docs/design/', root)
    const index = readFileSync(new URL('README.md', folder), 'utf8')
    const unlisted = globSync('*.md', { cwd: fileURLToPath(folder) }).filter(
      (page) => page !== 'README.md' && !index.includes(`](${page})`),
    )
    assert.deepEqual(unlisted, [])
  })
})
