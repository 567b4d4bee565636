// What a user of the published package gets: packed, installed into an empty project, imported, required,
// type-checked and run on the supported lines of Node. Needs the npm registry, so it is not part of `npm test`:
// `npm run test:package`.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startSimulator } from '../../simulator/server.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))

interface Packed {
  readonly filename: string
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

let folder: string
let packed: Packed

/** The installed project, with a Node of each supported line. */
const project = () => join(folder, 'project')
/** A project with the package and nothing else. */
const lightProject = () => join(folder, 'light')
const maxInstalledMiB = 45
const nodes = ['22', '24', '26'] as const
const nodeBinary = (line: string) => join(folder, `node-${line}`, 'node_modules', 'node', 'bin', 'node')

async function npm(args: readonly string[], cwd: string): Promise<string> {
  const { stdout } = await run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    maxBuffer: 16_777_216,
  })
  return stdout
}

async function emptyProject(path: string, manifest: Record<string, unknown> = {}): Promise<void> {
  await mkdir(path, { recursive: true })
  await writeFile(join(path, 'package.json'), JSON.stringify({ private: true, ...manifest }))
}

/** Bytes on disk by package: each file and folder takes whole blocks of 4 KiB, as `du` counts them. */
async function sizes(modules: string): Promise<ReadonlyMap<string, number>> {
  const bytes = new Map<string, number>()
  for (const entry of await readdir(modules, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const [scope = '', name = ''] = path.slice(modules.length + 1).split(sep)
    const owner = scope.startsWith('@') ? `${scope}/${name}` : scope
    const size = entry.isDirectory() ? 1 : (await lstat(path)).size
    bytes.set(owner, (bytes.get(owner) ?? 0) + Math.ceil(size / 4096) * 4096)
  }
  return bytes
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'olla-package-'))
  const [first] = JSON.parse(await npm(['pack', '--json', '--pack-destination', folder], root)) as Packed[]
  assert.ok(first)
  packed = first
  await emptyProject(project(), { type: 'module' })
  await npm(
    ['install', join(folder, packed.filename), 'fastify', 'typescript', '@types/node@24', 'expect-type'],
    project(),
  )
  await emptyProject(lightProject())
  await npm(['install', join(folder, packed.filename)], lightProject())
  for (const line of nodes) {
    await emptyProject(join(folder, `node-${line}`), { allowScripts: { node: true } })
    await npm(['install', `node@${line}`], join(folder, `node-${line}`))
  }
})

after(() => rm(folder, { recursive: true, force: true }))

describe('the packed package', () => {
  it('contains no development file', (t) => {
    const paths = packed.files.map(({ path }) => path)
    const strange = paths.filter(
      (path) =>
        !/^(dist|config|bin|dashboard\/dist)\//.test(path) &&
        !['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'].includes(path),
    )
    assert.deepEqual(strange, [])
    assert.deepEqual(
      paths.filter((path) => /\.test\.|\.tsbuildinfo$|(^|\/)(test|bench)\//.test(path)),
      [],
    )
    t.diagnostic(
      `${paths.length} files, ${Math.round(packed.size / 1024)} kB packed, ${Math.round(packed.unpackedSize / 1024)} kB unpacked`,
    )
  })

  it(`takes at most ${maxInstalledMiB} MB with everything that npm installs for it`, async (t) => {
    const mebibytes = (bytes: number) => (bytes / 1_048_576).toFixed(1)
    const bySize = [...(await sizes(join(lightProject(), 'node_modules')))].sort((a, b) => b[1] - a[1])
    const total = bySize.reduce((sum, [, bytes]) => sum + bytes, 0)
    const largest = bySize.slice(0, 8).map(([name, bytes]) => `${name} ${mebibytes(bytes)}`)
    t.diagnostic(`${mebibytes(total)} MB: ${largest.join(', ')}`)
    assert.ok(total <= maxInstalledMiB * 1_048_576, `${mebibytes(total)} MB: ${largest.join(', ')}`)
  })

  it('imports no library that npm does not install', async () => {
    const manifest: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    const { dependencies = {}, peerDependencies = {} } = manifest as Record<string, Record<string, string>>
    const installed = [...Object.keys(dependencies), ...Object.keys(peerDependencies)]
    // The command has its libraries in its own files.
    const modules = packed.files.filter(({ path }) => /^dist\/(src|plugins|chunks)\/.*\.js$/.test(path))
    const texts = await Promise.all(modules.map(({ path }) => readFile(join(root, path), 'utf8')))
    const imported = texts.flatMap((text) => [
      ...text.matchAll(/\b(?:from|import\(?)['"`]((?:@[\w.-]+\/)?[a-z][\w.-]*)(?:\/[\w./-]+)?['"`]/g),
    ])
    const libraries = new Set(imported.map(([, name = '']) => name))
    assert.ok(libraries.has('fastify-plugin'), 'the imports are found')
    assert.deepEqual(
      [...libraries].filter((name) => !installed.includes(name)),
      [],
    )
  })

  it('has declarations for its exports, and no others', () => {
    const declarations = packed.files.filter(({ path }) => path.endsWith('.d.ts'))
    assert.ok(declarations.some(({ path }) => path === 'dist/src/index.d.ts'))
    assert.deepEqual(
      declarations.filter(({ path }) => /^dist\/(routes|simulator)\//.test(path)),
      [],
    )
    assert.deepEqual(
      packed.files.filter(({ path }) => path.endsWith('.map')),
      [],
    )
  })

  it('is clean for publint and attw', async () => {
    const bin = join(root, 'node_modules', '.bin')
    const tarball = join(folder, packed.filename)
    await run(join(bin, 'publint'), ['run', tarball, '--strict'], { cwd: root })
    // CommonJS gets the ES module by require(), which Node has had since 22.12.
    await run(join(bin, 'attw'), [tarball, '--profile', 'esm-only'], { cwd: root })
  })

  it('type-checks strictly, including libraries', async () => {
    await cp(join(root, 'test/types/public.ts'), join(project(), 'public.ts'))
    await writeFile(
      join(project(), 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          target: 'es2023',
          module: 'nodenext',
          strict: true,
          exactOptionalPropertyTypes: true,
          skipLibCheck: false,
          noEmit: true,
          types: ['node'],
        },
        files: ['public.ts'],
      }),
    )
    await run(join(project(), 'node_modules/.bin/tsc'), ['-p', '.'], { cwd: project() })
  })

  for (const line of nodes) {
    it(`can be imported, and required from CommonJS, on Node ${line}`, async (t) => {
      const simulator = await startSimulator({ kind: 'vllm', models: ['llama3.2:3b'] })
      t.after(() => simulator.close())
      const body = `
        const app = Fastify()
        const config = parseConfig({ discovery: { static: { endpoints: [{ url: '${simulator.url}', type: 'vllm' }] } } })
        await app.register(gateway, { prefix: '/llm', config })
        await app.ready()
        const ask = () => app.inject({ method: 'POST', url: '/llm/v1/chat/completions',
          payload: { model: 'llama3.2:3b', max_tokens: 2, messages: [{ role: 'user', content: 'hi' }] } })
        let answer = await ask()
        for (let tries = 0; answer.statusCode !== 200 && tries < 200; tries++) {
          await new Promise((resolve) => setTimeout(resolve, 20))
          answer = await ask()
        }
        console.log(answer.statusCode, process.versions.node.split('.')[0])
        await app.close()
      `
      const esm = `import Fastify from 'fastify'\nimport gateway, { parseConfig } from 'olla-gateway'\n${body}`
      const cjs = `const Fastify = require('fastify')\nconst { default: gateway, parseConfig } = require('olla-gateway')\n
        require('olla-gateway/plugins/circuit-breaker')\n;(async () => {${body}})()`
      for (const [name, text] of [
        ['app.mjs', esm],
        ['app.cjs', cjs],
      ] as const) {
        await writeFile(join(project(), name), text)
        const { stdout } = await run(nodeBinary(line), [name], { cwd: project(), timeout: 30_000 })
        assert.equal(stdout.trim(), `200 ${line}`, name)
      }
    })
  }

  it('exports plugins that work alone and the HTTP server, and nothing else', async (t) => {
    const simulator = await startSimulator({ kind: 'vllm', models: ['llama3.2:3b'] })
    t.after(() => simulator.close())
    const text = `
      import Fastify from 'fastify'
      import gateway, { parseConfig } from 'olla-gateway'
      import { httpServerOptions, ollaHttpServer } from 'olla-gateway/http-server'
      const config = parseConfig({ discovery: { static: { endpoints: [{ url: '${simulator.url}', type: 'vllm' }] } } })
      const { discovery, proxy } = config
      const options = { 'circuit-breaker': { discovery, proxy }, events: {}, 'health-checker': { discovery, proxy },
        'proxy-engine': { discovery, proxy }, security: { server: { request_limits: { max_body_size: '1MB' } } } }
      const decorators = ['circuitBreakers', 'gatewayEvents', 'healthChecker', 'proxyEngine', 'gatewaySecurity']
      for (const [at, [name, its]] of Object.entries(options).entries()) {
        const alone = Fastify()
        await alone.register(await import('olla-gateway/plugins/' + name), its)
        await alone.ready()
        if (!alone.hasDecorator(decorators[at])) throw new Error(name)
        await alone.close()
      }
      const app = Fastify({ serverFactory: ollaHttpServer(httpServerOptions(config)) })
      await app.register(gateway, { config })
      const address = await app.listen({ host: '127.0.0.1', port: 0 })
      console.log((await fetch(address + '/internal/health')).status)
      await app.close()
      for (const inner of ['plugins/state', 'plugins/endpoints/state', 'dist/src/gateway.js', 'src/gateway.js'])
        await import('olla-gateway/' + inner).then(() => console.log('found', inner), ({ code }) => console.log(code))
    `
    await writeFile(join(project(), 'surface.mjs'), text)
    for (const line of nodes) {
      const { stdout } = await run(nodeBinary(line), ['surface.mjs'], { cwd: project(), timeout: 30_000 })
      const refused = 'ERR_PACKAGE_PATH_NOT_EXPORTED\n'.repeat(4)
      assert.equal(stdout, `200\n${refused}`, line)
    }
  })

  it('runs the README example', async (t) => {
    const simulator = await startSimulator({ kind: 'ollama', models: ['llama3.2:3b'], port: 0 })
    t.after(() => simulator.close())
    const readme = await readFile(join(root, 'README.md'), 'utf8')
    const example = /## In your own Fastify app\s+```ts\n(.*?)```/s.exec(readme)?.[1]
    assert.ok(example, 'the README has an example of embedding')
    const text = example
      .replace('http://localhost:11434', simulator.url)
      .replace('port: 3000', 'port: 0')
      .concat(
        `\nconst answer = await app.inject('/llm/version')\nconsole.error(answer.statusCode)\nawait app.close()\n`,
      )
    await writeFile(join(project(), 'readme.mjs'), text)
    const { stderr } = await run(nodeBinary('24'), ['readme.mjs'], { cwd: project(), timeout: 30_000 })
    assert.equal(stderr.trim(), '200')
  })

  it('counts by rules, with a warning, if the configured tokenizer is not installed', async () => {
    const body = `
      import Fastify from 'fastify'
      import gateway, { parseConfig } from 'olla-gateway'
      const lines = []
      const app = Fastify({ logger: { level: 'warn', stream: { write: (line) => lines.push(line) } } })
      const translators = { anthropic: { tokenizer: 'gpt-tokenizer' } }
      await app.register(gateway, { config: parseConfig({ translators }) })
      const messages = [{ role: 'user', content: 'count these four words' }]
      const answer = await app.inject({ method: 'POST', url: '/v1/messages/count_tokens', payload: { model: 'm', messages } })
      console.log(answer.json().input_tokens, lines.filter((line) => line.includes('gpt-tokenizer is not installed')).length)
      await app.close()
    `
    await writeFile(join(lightProject(), 'count.mjs'), body)
    const { stdout } = await run(nodeBinary('24'), ['count.mjs'], { cwd: lightProject(), timeout: 30_000 })
    assert.equal(stdout.trim(), '11 1')
  })

  it('starts with its command and --demo', async () => {
    const { stdout } = await run(join(project(), 'node_modules/.bin/olla-gateway'), ['--version'], {
      cwd: project(),
      env: { ...process.env, PATH: `${join(folder, 'node-24/node_modules/node/bin')}:${process.env.PATH}` },
    })
    assert.match(stdout, /^olla-gateway \d+\.\d+\.\d+/)
  })
})
