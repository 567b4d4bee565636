import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { parseConfig } from '../../src/config/load.ts'
import { ProfileStore } from '../../src/endpoints/profiles/profile-store.ts'
import { profilesFolder } from '../../src/kernel/package.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const knownTypes = new ProfileStore({ builtIn: profilesFolder }).types()

interface Manifest {
  readonly kind: string
  readonly data?: Readonly<Record<string, string>>
  readonly spec?: {
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number
        readonly containers: readonly {
          readonly livenessProbe: { readonly httpGet: { readonly path: string } }
          readonly readinessProbe: { readonly httpGet: { readonly path: string } }
        }[]
      }
    }
  }
}

describe('example files', () => {
  for (const path of [
    'examples/open-webui/gateway.yaml',
    'examples/claude-code-vllm/gateway.yaml',
    'config/compose.yaml',
    'config/config.yaml',
  ]) {
    it(`${path} is a valid configuration`, () => {
      parseConfig(parse(read(path)), knownTypes)
    })
  }

  it('name only existing services and files in the compose files', () => {
    for (const [path, folder] of [
      ['examples/open-webui/compose.yaml', 'examples/open-webui/'],
      ['docker-compose.yml', ''],
    ] as const) {
      const { services } = parse(read(path)) as {
        services: Record<string, { depends_on?: string[]; volumes?: string[] }>
      }
      for (const { depends_on = [], volumes = [] } of Object.values(services)) {
        for (const name of depends_on) assert.ok(services[name], `${path}: ${name}`)
        for (const volume of volumes.filter((each) => each.startsWith('./')))
          assert.notEqual(read(`${folder}${volume.split(':')[0]?.slice(2)}`), '')
      }
    }
  })

  it('contain Kubernetes manifests with a valid configuration, probes on existing routes and time to drain', () => {
    const manifests = parseAllDocuments(read('examples/kubernetes/deployment.yaml')).map(
      (document) => document.toJS() as Manifest,
    )
    const config = parseConfig(
      parse(manifests.find(({ kind }) => kind === 'ConfigMap')?.data?.['config.yaml'] ?? ''),
      knownTypes,
    )
    const pod = manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template.spec
    assert.ok(pod)
    const [container] = pod.containers
    assert.equal(container?.livenessProbe.httpGet.path, '/internal/health')
    assert.equal(container?.readinessProbe.httpGet.path, '/internal/ready')
    const { shutdown_delay, shutdown_timeout } = config.server
    assert.ok(pod.terminationGracePeriodSeconds * 1000 > shutdown_delay + shutdown_timeout)
  })
})
