import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Fastify, { type FastifyInstance } from 'fastify'
import { type DemoFleet, startDemoFleet } from '../../simulator/fleet.ts'
import { loadConfig, parseConfig } from '../../src/config/load.ts'
import { ProfileStore } from '../../src/endpoints/profiles/profile-store.ts'
import gateway from '../../src/gateway.ts'
import { profilesFolder } from '../../src/kernel/package.ts'
import { eventually } from '../support/simulator.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const selfReference = new URL('../support/self-reference.ts', import.meta.url).href

interface Block {
  readonly page: string
  readonly line: number
  readonly text: string
}

/** Fenced blocks of one language over all pages. */
function blocks(language: string): Block[] {
  return globSync(['README.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: root })
    .sort()
    .flatMap((page) => {
      const text = readFileSync(join(root, page), 'utf8')
      const found = text.matchAll(new RegExp(`^ *\`\`\`${language}\\n(.*?)^ *\`\`\``, 'gms'))
      return [...found].map((match) => ({
        page,
        line: text.slice(0, match.index).split('\n').length,
        text: match[1] ?? '',
      }))
    })
}

/** A gateway in front of the demo's fleet, for what examples send. */
let fleet: DemoFleet
let app: FastifyInstance
let address: string
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'olla-docs-'))
  fleet = await startDemoFleet()
  app = Fastify({ forceCloseConnections: true })
  const config = parseConfig({
    discovery: { static: { endpoints: fleet.endpoints.map((endpoint) => ({ ...endpoint })) } },
    server: { rate_limits: { per_ip_requests_per_minute: 0, global_requests_per_minute: 0 } },
  })
  await app.register(gateway, { config })
  address = await app.listen({ host: '127.0.0.1', port: 0 })
  await eventually(async () => {
    const status = await fetch(`${address}/internal/status/endpoints`)
    const { endpoints } = (await status.json()) as { endpoints: { model_count: number }[] }
    return endpoints.every(({ model_count }) => model_count > 0)
  })
})

after(async () => {
  await app.close()
  await fleet.close()
  await rm(folder, { recursive: true, force: true })
})

describe('YAML blocks in the documentation', () => {
  const knownTypes = new ProfileStore({ builtIn: profilesFolder }).types()
  /** Compose files, Kubernetes manifests and the like say what they are. */
  const isConfiguration = ({ text }: Block) => !/^(services|apiVersion|groups|scrape_configs):/m.test(text)
  for (const block of blocks('yaml').filter(isConfiguration)) {
    it(`${block.page}:${block.line} is a valid configuration`, async () => {
      const file = join(folder, 'config.yaml')
      await writeFile(file, block.text, { mode: 0o600 })
      const named = block.text.matchAll(/\$\{(\w+)\}/g)
      const env = Object.fromEntries(
        [...named].map(([, name]) => [name, 'value-of-a-variable-of-the-environment']),
      )
      const { warnings } = loadConfig({ file, env, cwd: folder, knownTypes })
      // A part of a configuration may leave the endpoints out.
      const others = warnings.filter(({ key }) => key !== 'discovery.static.endpoints')
      assert.deepEqual(others, [])
    })
  }
})

describe('requests in the documentation', () => {
  for (const { page, line, text } of blocks('sh')) {
    const commands = text.replaceAll(/\\\n\s*/g, ' ').split('\n')
    for (const command of commands.filter((each) => each.startsWith('curl '))) {
      it(`${page}:${line} succeeds: ${command.slice(0, 60)}`, async () => {
        const local = command
          .replace(/(https?:\/\/)?localhost:40114/g, address)
          .replace('curl ', 'curl --fail-with-body --silent --show-error --max-time 20 ')
        const { stdout } = await run('sh', ['-c', local])
        assert.notEqual(stdout, '')
      })
    }
  }
})

describe('code blocks in the documentation', () => {
  for (const { page, line, text } of blocks('ts')) {
    it(`${page}:${line} runs`, async () => {
      const [server] = fleet.endpoints
      const script = join(folder, `${page.replaceAll('/', '-')}-${line}.ts`)
      const ended = text
        .replaceAll('http://localhost:11434', server?.url ?? '')
        .replaceAll(/port: \d+/g, 'port: 0')
        // A server of an example serves until the reader stops it.
        .concat(/^const app = Fastify/m.test(text) ? '\nawait app.close()\n' : '')
      await writeFile(script, ended)
      const { stdout } = await run(process.execPath, ['--import', selfReference, script], { timeout: 20_000 })
      for (const [, expected = ''] of text.matchAll(/\/\/ prints (.*)$/gm))
        assert.ok(stdout.includes(expected), `${JSON.stringify(stdout)} has ${expected}`)
    })
  }
})
