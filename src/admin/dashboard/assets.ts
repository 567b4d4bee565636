import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'

/** Codings of the compressed copies that the build writes beside a file, best first, with their file extensions. */
const copies = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const

export type Coding = (typeof copies)[number][0]

export interface Asset {
  /** Path below the folder, with `/`. */
  readonly name: string
  readonly coding: Coding | 'identity'
  /** A strong ETag: it differs for each coding (RFC 9110 section 8.8.1). */
  readonly tag: string
  /** True if the name contains a hash of the content, which therefore never changes. */
  readonly isImmutable: boolean
}

/** The page for every path that is not a file. */
const indexName = 'index.html'

/**
 * Finds the file for a path of the dashboard, or the page itself. It reads the folder each time, because the page may
 * be rebuilt while the gateway runs. The tag is a hash of the content, because npm gives every file the same date.
 * @param path below the folder, with `/`
 * @param choose picks one of the file's available codings
 * @returns undefined if the dashboard is not built
 */
export async function findAsset(
  folder: string,
  path: string,
  choose: (codings: readonly Coding[]) => Coding | 'identity',
): Promise<Asset | undefined> {
  try {
    const names = await fileNames(folder)
    const isCopy = copies.some(([, end]) => path.endsWith(end))
    const name = names.has(path) && !isCopy ? path : indexName
    const present = copies.filter(([, end]) => names.has(name + end))
    const coding = choose(present.map(([each]) => each))
    const end = present.find(([each]) => each === coding)?.[1] ?? ''
    const hash = createHash('sha256').update(await readFile(join(folder, name + end)))
    return {
      name,
      coding,
      tag: `"${hash.digest('base64url')}"`,
      isImmutable: /^assets\/.+[.-][\w-]{8,}\.\w+$/.test(name),
    }
  } catch {
    return undefined
  }
}

async function fileNames(folder: string): Promise<ReadonlySet<string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return new Set(
    files.map(({ parentPath, name }) => relative(folder, join(parentPath, name)).split(sep).join('/')),
  )
}
