/**
 * Removes what no export of the package leads to from `dist`: code that only the command uses, which is in its bundle,
 * and declarations, which TypeScript could not read in an installed package.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs'

const root = new URL('../', import.meta.url)
const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  exports: Record<string, string | { types: string; default: string }>
}

const reached = new Set<string>()

function reach(file: URL): void {
  if (reached.has(file.href)) return
  reached.add(file.href)
  for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(
    /\b(?:from|import)[ (]*['"`](\.[^'"`]+)['"`]/g,
  )) {
    const isDeclaration = file.pathname.endsWith('.d.ts')
    reach(new URL(isDeclaration ? path.replace(/\.[jt]s$/, '.d.ts') : path, file))
  }
}

for (const entry of Object.values(exports)) {
  if (typeof entry === 'string') continue
  reach(new URL(entry.types, root))
  reach(new URL(entry.default, root))
}
const dist = new URL('dist/', root)
for (const name of readdirSync(dist, { encoding: 'utf8', recursive: true })) {
  const file = new URL(name.replaceAll('\\', '/'), dist)
  const isBundle = name.startsWith('command')
  if (/\.(js|d\.ts)$/.test(name) && !isBundle && !reached.has(file.href)) rmSync(file)
}
