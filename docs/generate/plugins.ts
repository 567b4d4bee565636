import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { code } from './markdown.ts'

const root = new URL('../../', import.meta.url)

/** What hosts may import, as the package's `exports` have it. */
const publicPlugins: readonly (readonly [name: string, what: string])[] = [
  ['callers', "API keys for an app's own routes"],
  ['circuit-breaker', "circuit breakers for an app's own upstreams"],
  ['events', 'a typed event bus'],
  ['health-checker', "probes for an app's own upstreams"],
  ['proxy-engine', 'requests to one of several upstreams, with failover'],
  ['security', 'rate and size limits'],
]

/** Every plugin with what it needs, gives and takes, from the plugins themselves. */
export async function pluginReference(): Promise<string> {
  const files = globSync('plugins/*/*.ts', { cwd: fileURLToPath(root) }).sort((a, b) =>
    basename(a).localeCompare(basename(b)),
  )
  const sections = await Promise.all(files.map(describePlugin))
  return [
    '# Plugins',
    '',
    'Made from `plugins/` by `npm run docs`; a test holds it to the code.',
    '',
    'Six plugins are useful without the rest of the gateway and are public. Each registers the internal plugins that it',
    'needs; an app that registers several of them has each part once. They use `fastify-plugin`, so what one decorates is',
    'there for the next; register them in a scope of their own to keep them from the rest of an app.',
    '',
    ...publicPlugins.map(([name, what]) => `- [\`olla-gateway/plugins/${name}\`](${name}.md): ${what}`),
    '',
    'The gateway itself is the list of plugins below. They are internal: names, options and decorators may change in any',
    'version. Fastify verifies their dependencies at boot and names the one that is missing. `Sections<…>` are sections',
    'of [the configuration](../configuration.md), whole or in part, each as an option of its name; what is missing has the',
    'default of the configuration.',
    '',
    sections.join('\n\n'),
    '',
  ].join('\n')
}

async function describePlugin(file: string): Promise<string> {
  const source = readFileSync(new URL(file, root), 'utf8')
  const name = file.replace(/^.*[\\/]|\.ts$/g, '')
  const loaded = (await import(new URL(file, root).href)) as { default: object }
  const meta: unknown = Reflect.get(loaded.default, Symbol.for('plugin-meta'))
  const options = /^export (?:interface|type) \w*Options[\s\S]*?^}|^export type \w+Options = .*$/m.exec(
    source,
  )?.[0]
  return [
    `## ${name}`,
    '',
    headerOf(source),
    '',
    `Name: ${code(textOf(meta, 'name'))}. Depends on: ${dependenciesOf(meta)}.`,
    ...(options === undefined ? [] : ['', '```typescript', options, '```']),
  ].join('\n')
}

/** The comment at the top of the file. */
function headerOf(source: string): string {
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(source)?.[1] ?? ''
  return comment.replaceAll(/^\s*\* ?/gm, '').trim()
}

function dependenciesOf(meta: unknown): string {
  const names = isRecord(meta) && Array.isArray(meta.dependencies) ? meta.dependencies.map(String) : []
  return names.length === 0 ? 'nothing' : names.map(code).join(', ')
}

function textOf(meta: unknown, key: string): string {
  return isRecord(meta) ? String(meta[key]) : ''
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
