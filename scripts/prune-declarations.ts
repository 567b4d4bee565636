/**
 * Removes the declarations in `dist` that no export of the package leads to: TypeScript could not read them in an
 * installed package, and they are most of its files.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs'

const root = new URL('../', import.meta.url)
const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  exports: Record<string, string | { types: string }>
}

const reached = new Set<string>()

function reach(file: URL): void {
  if (reached.has(file.href)) return
  reached.add(file.href)
  for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(
    /\b(?:from|import)[ (]*['"](\.[^'"]+)['"]/g,
  )) {
    reach(new URL(path.replace(/\.[jt]s$/, '.d.ts'), file))
  }
}

for (const entry of Object.values(exports)) {
  if (typeof entry !== 'string') reach(new URL(entry.types, root))
}
const dist = new URL('dist/', root)
for (const name of readdirSync(dist, { encoding: 'utf8', recursive: true })) {
  const file = new URL(name.replaceAll('\\', '/'), dist)
  if (name.endsWith('.d.ts') && !reached.has(file.href)) rmSync(file)
}
