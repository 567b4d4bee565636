/**
 * The last part of the build, for a quick start: `dist/command` is the command in a few files instead of 1,500, with its
 * dependencies, `dist/parsed-files.json` the values of the built-in YAML files. Run by `npm run build`; `node
 * scripts/bundle.ts FOLDER` bundles the package in another folder.
 */
import { deepStrictEqual } from 'node:assert'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'vite'
import { parse } from 'yaml'

const root = resolve(process.argv[2] ?? fileURLToPath(new URL('../', import.meta.url)))
const dist = join(root, 'dist')

/** The user's own copy counts. */
const peers = Object.keys(manifest(root).peerDependencies ?? {})

/**
 * Modules that the command loads instead of others, since these load much that it does not use. An `import` of
 * `node:http` reads all exports, and the getters among them load Node's `fetch` and `WebSocket`, which takes 30 ms;
 * `undici` loads a `fetch` of its own besides, 60 ms; `@fastify/static` needs `glob` only to list a folder.
 */
const lean: Readonly<Record<string, string>> = {
  'node:http': `const http = process.getBuiltinModule('node:http')
export const { ${valuesOf(http).join(', ')} } = http
export default http`,
  undici: `export { default as Client } from 'undici/lib/dispatcher/client.js'`,
  glob: `export function glob() {
  throw new Error('the command lists no folder')
}`,
}
const leanModules: Plugin = {
  name: 'lean-modules',
  enforce: 'pre',
  resolveId(id, _importer, { kind }) {
    return id in lean && (kind === 'import-statement' || id === 'glob') ? leanPrefix + id : undefined
  },
  load: (id) => (id.startsWith(leanPrefix) ? lean[id.slice(leanPrefix.length)] : undefined),
}
const leanPrefix = '\0lean:'

function valuesOf(module: object): string[] {
  const properties = Object.entries(Object.getOwnPropertyDescriptors(module))
  return properties.filter(([, { get }]) => get === undefined).map(([name]) => name)
}

/** V8 keeps a source with any character beyond Latin-1 in two bytes each. */
const ascii: Plugin = {
  name: 'ascii',
  generateBundle(_options, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === 'chunk') file.code = file.code.replace(/[^\0-\x7f]/g, escaped)
    }
  },
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** The notices of what is bundled, which their licenses ask to keep. */
const licenses: Plugin = {
  name: 'licenses',
  generateBundle(_options, bundle) {
    const modules = Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
    const folders = new Set(
      modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []),
    )
    const notices = [...folders].sort().map(noticeOf)
    this.emitFile({ type: 'asset', fileName: 'LICENSES.txt', source: notices.join('\n\n') })
  },
}

/** Without comments and blanks, two thirds of the size; names stay, for stacks and profiles. */
const compact = { compress: false, mangle: false, codegen: { removeWhitespace: true } } as const

/** The command, before the build of the other entries replaces what it is made of. */
await build({
  configFile: false,
  logLevel: 'warn',
  root,
  plugins: [leanModules, ascii, licenses],
  ssr: { target: 'node', noExternal: true, external: peers },
  build: {
    ssr: true,
    target: 'es2024',
    outDir: join(dist, 'command'),
    rolldownOptions: {
      input: {
        main: join(dist, 'src/app/cli/main.js'),
        'serving-thread': join(dist, 'src/app/serving-thread.js'),
      },
      output: { chunkFileNames: '[name]-[hash].js', minify: compact },
    },
  },
})

/** What apps import: the package's own code in fewer files; its dependencies are those that are installed. */
await build({
  configFile: false,
  logLevel: 'warn',
  root,
  ssr: { target: 'node' },
  build: {
    ssr: true,
    target: 'es2024',
    outDir: dist,
    emptyOutDir: false,
    rolldownOptions: {
      input: entriesOf(manifest(root)),
      output: { chunkFileNames: 'chunks/[name]-[hash].js', minify: compact },
    },
  },
})

const folder = join(root, 'config/profiles')
const files = [...readdirSync(folder).map((name) => join(folder, name)), join(root, 'config/models.yaml')]
const values: Record<string, unknown> = {}
for (const file of files) {
  const text = readFileSync(file, 'utf8')
  values[text] = parse(text, { merge: true })
}
deepStrictEqual(JSON.parse(JSON.stringify(values)), values)
writeFileSync(join(dist, 'parsed-files.json'), JSON.stringify(values))

interface Manifest {
  readonly exports?: Readonly<Record<string, string | { readonly default: string }>>
  readonly name: string
  readonly version: string
  readonly license: string
  readonly peerDependencies?: Readonly<Record<string, string>>
}

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

/** The exported modules, by path below `dist` without ending. */
function entriesOf({ exports = {} }: Manifest): Record<string, string> {
  const files = Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [] : entry.default))
  return Object.fromEntries(files.map((file) => [file.replace(/^\.\/dist\/|\.js$/g, ''), join(root, file)]))
}

function noticeOf(folder: string): string {
  const { name, version, license } = manifest(folder)
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
  const text = file === undefined ? '' : `\n\n${readFileSync(join(folder, file), 'utf8').trim()}`
  return `${name} ${version} (${license})${text}`
}
