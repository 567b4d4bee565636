import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))

export interface Import {
  /** Paths in the repository. */
  readonly from: string
  readonly to: string
  /** Whether it is erased at run time. */
  readonly isType: boolean
}

const statement =
  /^\s*(?:import|export)\s+(?<type>type\s+)?(?<names>[^'";]*?)\s*from\s*'(?<from>[^']+)'|^\s*import\s*'(?<bare>[^']+)'|import\(\s*'(?<dynamic>[^']+)'\s*\)/gm

/** The relative imports that a source text has. */
export function importsOf(path: string, text: string): Import[] {
  return [...text.matchAll(statement)].flatMap(({ groups = {} }) => {
    const specifier = groups.from ?? groups.bare ?? groups.dynamic ?? ''
    if (!specifier.startsWith('.')) return []
    const isType = groups.type !== undefined || hasOnlyTypes(groups.names ?? '')
    return [{ from: path, to: normalize(join(dirname(path), specifier)), isType }]
  })
}

function hasOnlyTypes(names: string): boolean {
  const listed = /^\{([^}]*)\}$/.exec(names)?.[1]?.split(',') ?? []
  const named = listed.map((name) => name.trim()).filter((name) => name !== '')
  return named.length > 0 && named.every((name) => name.startsWith('type '))
}

/** Source files below some folders of the repository, by path. */
export function sourceFiles(folders: readonly string[]): string[] {
  return globSync(
    folders.map((folder) => `${folder}/**/*.ts`),
    { cwd: root },
  ).sort()
}

/** All relative imports of the files below some folders. */
export function importGraph(folders: readonly string[]): Import[] {
  return sourceFiles(folders).flatMap((path) => importsOf(path, readFileSync(join(root, path), 'utf8')))
}

/** Groups of at least two nodes that reach each other (Tarjan's algorithm), sorted. */
export function circles(arrows: Iterable<readonly [from: string, to: string]>): string[][] {
  const targets = new Map<string, Set<string>>()
  for (const [from, to] of arrows) {
    if (from === to) continue
    const known = targets.get(from) ?? new Set()
    targets.set(from, known.add(to))
  }
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []

  function visit(node: string): number {
    const own = index.size
    index.set(node, own)
    low.set(node, own)
    stack.push(node)
    for (const target of targets.get(node) ?? []) {
      if (!index.has(target)) low.set(node, Math.min(low.get(node) ?? own, visit(target)))
      else if (stack.includes(target)) low.set(node, Math.min(low.get(node) ?? own, index.get(target) ?? own))
    }
    const lowest = low.get(node) ?? own
    if (lowest === own) {
      const group = stack.splice(stack.indexOf(node))
      if (group.length > 1) found.push(group.sort())
    }
    return lowest
  }

  for (const node of targets.keys()) if (!index.has(node)) visit(node)
  return found.sort((a, b) => b.length - a.length)
}

/** Import cycles between folders; each file counts as its folder. */
export function folderCircles(imports: readonly Import[]): string[][] {
  return circles(imports.map(({ from, to }) => [dirname(from), dirname(to)]))
}
