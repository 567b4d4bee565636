import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import swagger from '@fastify/swagger'
import Fastify from 'fastify'
import { parseConfig } from '../../src/config/load.ts'
import { ProfileStore } from '../../src/endpoints/profiles/profile-store.ts'
import gateway from '../../src/gateway.ts'
import { profilesFolder, version } from '../../src/kernel/package.ts'
import { jsonLines } from './json-lines.ts'
import { describeRoute } from './route-descriptions.ts'

type Operation = Readonly<Record<string, unknown>>
type PathItem = Readonly<Record<string, Operation>>
interface OpenApi {
  readonly paths: Readonly<Record<string, PathItem>>
}

/** All routes of a gateway, otherwise with the default configuration, as an OpenAPI document (JSON text). */
export async function openApiDocument(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'olla-openapi-'))
  const secret = 'documentation'.padEnd(32, '-')
  // Features that are off by default and add routes.
  const callers = {
    store: join(folder, 'callers.db'),
    secret,
    webhooks: [{ url: 'https://example.com/', secret }],
  }
  const cluster = { redis: 'redis://127.0.0.1:1' }
  const discovery = { providers: [{ type: 'file', path: folder }] }
  const app = Fastify()
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'olla-gateway',
        version,
        description: 'Gateway and load balancer for self-hosted LLM inference.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
    },
  })
  await app.register(gateway, { config: parseConfig({ callers, cluster, discovery }) })
  await app.ready()
  const { paths, ...document }: OpenApi = JSON.parse(JSON.stringify(app.swagger()))
  await app.close()
  await rm(folder, { recursive: true })
  return `${jsonLines({ ...document, paths: describePaths(paths) }, 3)}\n`
}

/** The same routes as with `{model}`, for names with slashes. */
const modelNames = '/internal/admin/models/{*}'

/** Described, with one path in place of those that differ only in the prefix of a backend. */
function describePaths(paths: Readonly<Record<string, PathItem>>): Record<string, PathItem> {
  const prefixes = [...new ProfileStore({ builtIn: profilesFolder }).prefixes().keys(), 'lm_studio'].sort()
  const described: Record<string, PathItem> = {}
  for (const [path, item] of Object.entries(paths)) {
    if (path === modelNames) continue
    const prefix = prefixes.find((each) => path.startsWith(`/olla/${each}/`))
    const generic = prefix === undefined ? path : `/olla/{backend}${path.slice(`/olla/${prefix}`.length)}`
    const shown = generic.replaceAll('{*}', '{path}')
    if (described[shown] !== undefined || prefixes.includes(path.replace('/olla/', ''))) continue
    const { methods, ...text } = describeRoute(shown)
    const parameters = pathParameters(shown, prefixes)
    described[shown] = Object.fromEntries(
      methods.flatMap((method) => {
        const operation = item[method]
        return operation === undefined
          ? []
          : [[method, { ...text, ...withParameters(operation, parameters) }]]
      }),
    )
  }
  return Object.fromEntries(Object.entries(described).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function pathParameters(path: string, prefixes: readonly string[]): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'backend' ? { type: 'string', enum: prefixes } : { type: 'string' },
  }))
}

/** Those of the path replace Fastify's own names for them. */
function withParameters({ parameters, ...operation }: Operation, ofPath: readonly object[]): object {
  const own = Array.isArray(parameters) ? parameters.filter((each) => each.in !== 'path') : []
  const all = [...ofPath, ...own]
  return all.length > 0 ? { ...operation, parameters: all } : operation
}
