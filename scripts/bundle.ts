/**
 * The last part of the build, for a quick start: `dist/command` is the command in a few files instead of 1,500, with its
 * dependencies, `dist/parsed-files.json` the values of the built-in YAML files. Run by `npm run build`; `node
 * scripts/bundle.ts FOLDER` bundles the package in another folder.
 */
import { deepStrictEqual } from 'node:assert'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin, type Rolldown } from 'vite'
import { parse } from 'yaml'

const root = resolve(process.argv[2] ?? fileURLToPath(new URL('../', import.meta.url)))
const dist = join(root, 'dist')

/** The user's own copy counts. */
const peers = Object.keys(manifest(root).peerDependencies ?? {})

/**
 * An `import` of a Node module reads all of its exports, and the getters among them load further modules: Node's `fetch`,
 * Web Crypto, `fs.promises`, `readline`. The command reads the exports that it uses.
 */
const nodeModules: Plugin = {
  name: 'node-modules',
  enforce: 'pre',
  resolveId(id, _importer, { kind }) {
    return id.startsWith('node:') && kind === 'import-statement' ? nodePrefix + id : undefined
  },
  load(id) {
    if (!id.startsWith(nodePrefix)) return undefined
    const name = id.slice(nodePrefix.length)
    return `const module = process.getBuiltinModule('${name}')
export const { ${valuesOf(createRequire(import.meta.url)(name)).join(', ')} } = module
export default module`
  },
}
const nodePrefix = '\0lean-'

function valuesOf(module: object): string[] {
  const properties = Object.entries(Object.getOwnPropertyDescriptors(module))
  return properties.filter(([, { get }]) => get === undefined).map(([name]) => name)
}

/** Libraries that only some processes need: the command loads them when it uses them first. */
const lazyLibraries: Readonly<Record<string, string>> = {
  ajv: `export class Ajv {
  constructor(options) {
    return new (load().Ajv)(options)
  }
}`,
  'fast-json-stringify': `export default (schema, options) => load()(schema, options)`,
}

/** Modules that the command loads instead of others, since these load much that it does not use. */
const leanModules: Readonly<Record<string, string>> = {
  undici: `export { default as Client } from 'undici/lib/dispatcher/client.js'`,
  // For lists of folders.
  glob: unused('glob'),
  // For `inject`.
  'light-my-request': unused('light-my-request'),
  // For log lines from threads.
  'thread-stream': unused('thread-stream'),
  // The gateway has its own compilers (`plugins/http/own-schemas.ts`).
  '@fastify/ajv-compiler': `module.exports = () => ${unused('@fastify/ajv-compiler', '')}`,
  '@fastify/fast-json-stringify-compiler': `module.exports = () => ${unused('@fastify/fast-json-stringify-compiler', '')}`,
  // For the versions of Fastify that plugins accept. All plugins of the command are bundled with their Fastify.
  semver: `exports.satisfies = () => true
exports.gt = () => false
exports.coerce = (version) => version`,
}

function unused(name: string, prefix = 'module.exports = '): string {
  return `${prefix}function () {
  throw new Error('the command does not use ${name}')
}`
}

const leanLibraries: Plugin = {
  name: 'lean-libraries',
  enforce: 'pre',
  resolveId(id, importer, { kind }) {
    // Only entries have no importer: the libraries themselves.
    if (importer === undefined) return undefined
    if (id in lazyLibraries && kind === 'import-statement') return lazyPrefix + id
    const isLean = id in leanModules && !(id === 'undici' && kind !== 'import-statement')
    return isLean ? leanPrefix + id : undefined
  },
  load(id) {
    if (id.startsWith(leanPrefix)) return leanModules[id.slice(leanPrefix.length)]
    if (!id.startsWith(lazyPrefix)) return undefined
    const name = id.slice(lazyPrefix.length)
    return `const load = () => process.getBuiltinModule('node:module').createRequire(import.meta.url)('./${name}.js').default
${lazyLibraries[name]}`
  },
}
const leanPrefix = '\0lean:'
const lazyPrefix = '\0lazy:'

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

/** The parts that a gateway loads by default when it serves, besides what they import. */
const served = [
  'src/app/server',
  'src/app/http-server',
  'plugins/admin/browser-check',
  'plugins/dialects/message-translator',
  'plugins/dialects/response-store',
  'plugins/dialects/token-counter',
  'plugins/dialects/translation',
  'plugins/dialects/upstream-streams',
  'plugins/http/connection-limit',
  'plugins/observe/event-lines',
  'plugins/proxy/answer-usage',
  'plugins/proxy/engine-olla',
  'plugins/runtime/idle-collection',
  'routes/admin/dashboard',
  'routes/dialects/anthropic',
]

/** Three files for an ordinary start, since Node takes a third of a millisecond to find and link each one. */
function startFiles(): Rolldown.CodeSplittingGroup {
  let inMain: ReadonlySet<string> | undefined
  let inServed: ReadonlySet<string> | undefined
  return {
    debugName: 'start',
    name(id, context) {
      inMain ??= closureOf(context, ['src/app/cli/main'])
      inServed ??= closureOf(context, served)
      // The bundler's runtime needs it before it can link the files.
      if (id === `${nodePrefix}node:module`) return null
      if (inMain.has(id)) return inServed.has(id) ? 'common' : 'cli'
      return inServed.has(id) ? 'serve' : null
    },
  }
}

/** The modules that entries import, directly or not, without dynamic imports. @param entries below `dist` */
function closureOf(context: Rolldown.ChunkingContext, entries: readonly string[]): Set<string> {
  const reached = new Set<string>()
  const pending = entries.map((entry) => join(dist, `${entry}.js`))
  for (const id of pending) {
    if (reached.has(id)) continue
    reached.add(id)
    pending.push(...(context.getModuleInfo(id)?.importedIds ?? []))
  }
  return reached
}

/** Without comments and blanks, two thirds of the size; names stay, for stacks and profiles. */
const compact = { compress: false, mangle: false, codegen: { removeWhitespace: true } } as const

/** The command, before the build of the other entries replaces what it is made of. */
await build({
  configFile: false,
  logLevel: 'warn',
  root,
  plugins: [nodeModules, leanLibraries, ascii, licenses],
  ssr: { target: 'node', noExternal: true, external: peers },
  build: {
    ssr: true,
    target: 'es2024',
    outDir: join(dist, 'command'),
    rolldownOptions: {
      // Modules that some files import at once and others later are meant to be in one file.
      checks: { ineffectiveDynamicImport: false },
      input: {
        main: join(dist, 'src/app/cli/main.js'),
        'serving-thread': join(dist, 'src/app/serving-thread.js'),
        ...Object.fromEntries(Object.keys(lazyLibraries).map((name) => [name, name])),
      },
      output: {
        chunkFileNames: '[name]-[hash].js',
        minify: compact,
        codeSplitting: { groups: [startFiles()], includeDependenciesRecursively: false },
      },
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
