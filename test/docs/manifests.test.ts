import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { parse, parseAllDocuments } from 'yaml'
import { chart, chartHash, manifestSets } from '../../scripts/manifest-sets.ts'
import { render } from '../../scripts/manifests.ts'
import { parseConfig } from '../../src/config/load.ts'
import { ProfileStore } from '../../src/endpoints/profiles/profile-store.ts'
import { profilesFolder } from '../../src/kernel/package.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const noHelm = spawnSync('helm', ['version']).status !== 0 && 'Helm is not installed'
const helm = (...args: string[]) => execFileSync('helm', args, { encoding: 'utf8', stdio: 'pipe' })
const chartFolder = fileURLToPath(chart)

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  readonly data: Readonly<Record<string, string>>
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> } & Readonly<
      Record<string, unknown>
    >
    readonly metrics: readonly { readonly pods: { readonly metric: { readonly name: string } } }[]
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> }
      readonly spec: {
        readonly terminationGracePeriodSeconds: number
        readonly containers: readonly {
          readonly name: string
          readonly livenessProbe: { readonly httpGet: { readonly path: string } }
          readonly readinessProbe: { readonly httpGet: { readonly path: string } }
        }[]
      }
    }
  }
}

const manifestsOf = (text: string) => parseAllDocuments(text).map((document) => document.toJS() as Manifest)
const files = manifestSets.map(({ file }) => file)
const all = files.flatMap((file) => manifestsOf(read(`deploy/kubernetes/${file}`)))
const find = (kind: string, name = 'olla-gateway') => {
  const found = all.find((manifest) => manifest.kind === kind && manifest.metadata.name === name)
  assert.ok(found, `${kind} ${name}`)
  return found
}

describe('manifests for Kubernetes', () => {
  it('are rendered from the present chart', () => {
    assert.deepEqual(readdirSync(new URL('deploy/kubernetes/', root)).sort(), [...files].sort())
    for (const file of files)
      assert.ok(read(`deploy/kubernetes/${file}`).includes(`Chart: ${chartHash()}\n`), file)
  })

  it('equal what Helm renders', { skip: noHelm }, () => {
    for (const set of manifestSets)
      assert.ok(read(`deploy/kubernetes/${set.file}`).endsWith(`\n${render(set)}`), set.file)
  })

  it('contain a valid configuration, probes on existing routes and time to drain', () => {
    const text = find('ConfigMap').data['config.yaml'] ?? ''
    const config = parseConfig(
      parse(text.replace(/\$\{POD_NAME\}/, 'olla-gateway-0')),
      new ProfileStore({ builtIn: profilesFolder }).types(),
    )
    const pod = find('Deployment').spec.template.spec
    const [container] = pod.containers
    assert.equal(container?.livenessProbe.httpGet.path, '/internal/health')
    assert.equal(container?.readinessProbe.httpGet.path, '/internal/ready')
    const { shutdown_delay, shutdown_timeout } = config.server
    assert.ok(pod.terminationGracePeriodSeconds * 1000 >= shutdown_delay + shutdown_timeout + 8_000)
    const { hostname, port } = new URL(config.cluster.redis)
    assert.equal(port, '6379')
    assert.ok(find('Service', hostname))
  })

  it('select the pods that they create', () => {
    for (const name of ['olla-gateway', 'olla-gateway-valkey']) {
      const { selector, template } = find('Deployment', name).spec
      const { labels } = template.metadata
      for (const chosen of [selector.matchLabels, find('Service', name).spec.selector])
        for (const [key, value] of Object.entries(chosen)) assert.equal(labels[key], value, `${name}: ${key}`)
    }
    assert.notDeepEqual(find('Service').spec.selector, find('Service', 'olla-gateway-valkey').spec.selector)
  })

  it('scale by metrics that the gateway has', () => {
    const documented = read('docs/observability/metrics.md')
    const names = find('HorizontalPodAutoscaler').spec.metrics.map(({ pods }) => pods.metric.name)
    assert.equal(names.length, 2)
    for (const name of names) assert.ok(documented.includes(`| \`${name}\` | gauge |`), name)
  })
})

describe('the Helm chart', () => {
  const schema: object = JSON.parse(readFileSync(new URL('values.schema.json', chart), 'utf8'))
  const values = () => parse(readFileSync(new URL('values.yaml', chart), 'utf8')) as Record<string, unknown>

  it('has a schema that accepts the default values and describes each', () => {
    const validate = new Ajv({ strict: false }).compile<Record<string, unknown>>(schema)
    assert.ok(validate(values()), JSON.stringify(validate.errors))
    const { properties } = schema as { properties: object }
    assert.deepEqual(
      Object.keys(properties).filter((key) => key !== 'global'),
      Object.keys(values()),
    )
  })

  for (const [name, change] of [
    ['an unknown value', { replica: 2 }],
    ['an unknown value of a section', { cluster: { enabled: true, url: 'redis://a' } }],
    ['a wrong type', { replicas: 'three' }],
    ['a URL of another protocol', { cluster: { redis: 'http://a' } }],
    ['a margin that is too short to stop', { terminationMarginSeconds: 2 }],
  ] as const)
    it(`has a schema that rejects ${name}`, () => {
      const validate = new Ajv({ strict: false }).compile(schema)
      assert.equal(validate({ ...values(), ...change }), false)
    })

  it('passes the linter of Helm', { skip: noHelm }, () => {
    helm('lint', '--strict', chartFolder)
  })

  for (const [name, set, expected] of [
    [
      'without Valkey for an existing Redis',
      ['cluster.redis=rediss://r:6380'],
      { Deployment: 1, Service: 1 },
    ],
    ['without a cluster', ['cluster.enabled=false'], { Deployment: 1, Service: 1 }],
    [
      'with everything',
      everything(),
      { Deployment: 2, Service: 2, Ingress: 1, NetworkPolicy: 2, ServiceMonitor: 1, RoleBinding: 1 },
    ],
  ] as const)
    it(`renders ${name}`, { skip: noHelm }, () => {
      const options = set.flatMap((each) => ['--set', each])
      const rendered = manifestsOf(helm('template', 'x', chartFolder, '--kube-version', '1.30.0', ...options))
      for (const [kind, count] of Object.entries(expected))
        assert.equal(rendered.filter((manifest) => manifest.kind === kind).length, count, kind)
    })
})

function everything(): string[] {
  return [
    ...['autoscaling', 'networkPolicy', 'serviceMonitor', 'ingress', 'kubernetesDiscovery'].map(
      (section) => `${section}.enabled=true`,
    ),
    'ingress.hosts={llm.example}',
    'secretFiles={keys}',
    'cluster.passwordSecret=valkey',
    'networkPolicy.egressTo[0].ipBlock.cidr=10.0.0.0/8',
  ]
}
