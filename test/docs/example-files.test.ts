import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { parseConfig } from '../../src/config/load.ts'
import { ProfileStore } from '../../src/endpoints/profiles/profile-store.ts'
import { profilesFolder } from '../../src/kernel/package.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const knownTypes = new ProfileStore({ builtIn: profilesFolder }).types()

describe('example files', () => {
  for (const path of [
    'examples/open-webui/gateway.yaml',
    'examples/claude-code-vllm/gateway.yaml',
    'examples/replicas/gateway.yaml',
    'config/compose.yaml',
    'config/config.yaml',
  ]) {
    it(`${path} is a valid configuration`, () => {
      parseConfig(parse(read(path).replace(/\$\{HOSTNAME\}/, 'replica-1')), knownTypes)
    })
  }

  it('name only existing services and files in the compose files', () => {
    for (const [path, folder] of [
      ['examples/open-webui/compose.yaml', 'examples/open-webui/'],
      ['examples/replicas/compose.yaml', 'examples/replicas/'],
      ['docker-compose.yml', ''],
    ] as const) {
      const { services } = parse(read(path), { merge: true }) as {
        services: Record<string, { depends_on?: string[]; volumes?: string[] }>
      }
      for (const { depends_on = [], volumes = [] } of Object.values(services)) {
        for (const name of depends_on) assert.ok(services[name], `${path}: ${name}`)
        for (const volume of volumes.filter((each) => each.startsWith('./')))
          assert.notEqual(read(`${folder}${volume.split(':')[0]?.slice(2)}`), '')
      }
    }
  })
})
