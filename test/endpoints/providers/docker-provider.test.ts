import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { apiClient } from '../../../src/endpoints/providers/contract/api-client.ts'
import { endpointsOfContainers } from '../../../src/endpoints/providers/docker/containers.ts'
import { DockerProvider } from '../../../src/endpoints/providers/docker/docker-provider.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { eventually } from '../../support/simulator.ts'
import { container, startDocker } from './docker-api.ts'
import { recordReports } from './reports.ts'

const fastClock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() * 10,
  after: (delayMs: number, run: () => void) => systemClock.after(delayMs / 10, run),
}

function start(t: TestContext, socketPath: string) {
  const recorded = recordReports()
  const provider = new DockerProvider({
    api: apiClient({ origin: 'http://localhost', socketPath }),
    network: '',
    clock: fastClock,
  })
  t.after(() => provider.stop())
  provider.start(recorded.reports)
  const shows = (...urls: string[]) =>
    eventually(() => JSON.stringify(recorded.ready()) === JSON.stringify(urls))
  return { provider, shows, ...recorded }
}

describe('endpoints by Docker', () => {
  it('follow events', async (t) => {
    const docker = await startDocker(t)
    docker.set([container('a', { bridge: '172.17.0.2' })])
    const { shows } = start(t, docker.socketPath)
    await shows('http://172.17.0.2:11434')
    await eventually(() => docker.streams.size === 1)
    docker.set([container('a', { bridge: '172.17.0.2' }), container('b', { bridge: '172.17.0.3' })])
    await shows('http://172.17.0.2:11434', 'http://172.17.0.3:11434')
  })

  it('are found without an event, after a cut of the stream and in time', async (t) => {
    const docker = await startDocker(t)
    const { shows } = start(t, docker.socketPath)
    await shows()
    await eventually(() => docker.streams.size === 1)
    docker.set([container('a', { bridge: '172.17.0.2' })], false)
    for (const stream of docker.streams) stream.destroy()
    await shows('http://172.17.0.2:11434')
    docker.set([], false)
    await shows()
  })

  it('become ready with their health', async (t) => {
    const docker = await startDocker(t)
    docker.set([container('a', { bridge: '172.17.0.2' }, { Status: 'Up 2 seconds (health: starting)' })])
    const { shows, found } = start(t, docker.socketPath)
    await eventually(() => found.length > 0)
    await shows()
    await eventually(() => docker.streams.size === 1)
    docker.set([container('a', { bridge: '172.17.0.2' }, { Status: 'Up 9 seconds (healthy)' })])
    await shows('http://172.17.0.2:11434')
  })

  it('stay while Docker is away', async (t) => {
    const docker = await startDocker(t)
    const { failures, reports } = recordReports()
    const provider = new DockerProvider({
      api: apiClient({ origin: 'http://localhost', socketPath: `${docker.socketPath}-missing` }),
      network: '',
      clock: fastClock,
    })
    t.after(() => provider.stop())
    provider.start(reports)
    await eventually(() => failures.length > 0)
    assert.equal(failures[0], 'no answer: ENOENT')
  })
})

describe('a container', () => {
  const urlOf = (one: object, network = '') => endpointsOfContainers([one], { network })[0]?.url
  const labelled = (labels: Record<string, string>, others: object = {}) =>
    container(
      'a',
      { web_default: '10.1.0.2', models: '10.2.0.2' },
      { Labels: { 'olla-gateway.enable': 'true', ...labels }, ...others },
    )

  for (const [name, one, network, url] of [
    ['has one address, whatever the order of its networks', labelled({}), '', 'http://10.2.0.2:11434'],
    ['has the address of the chosen network', labelled({}), 'web_default', 'http://10.1.0.2:11434'],
    [
      "has the address of a network without its project's name",
      labelled({}),
      'default',
      'http://10.1.0.2:11434',
    ],
    [
      'may choose its network',
      labelled({ 'olla-gateway.network': 'models' }),
      'web_default',
      'http://10.2.0.2:11434',
    ],
    ['outside of the network is none', labelled({}), 'other', undefined],
    ['may choose its port', labelled({ 'olla-gateway.port': '8000' }), '', 'http://10.2.0.2:8000'],
    ['without a port is none', labelled({}, { Ports: [] }), '', undefined],
    ['may have HTTPS', labelled({ 'olla-gateway.scheme': 'https' }), '', 'https://10.2.0.2:11434'],
    ['that is not enabled is none', labelled({ 'olla-gateway.enable': 'no' }), '', undefined],
    ['without labels is none', container('a', { bridge: '1.2.3.4' }, { Labels: null }), '', undefined],
    ["of the host's network is this host", container('a', { host: '' }), '', 'http://127.0.0.1:11434'],
    [
      "of the host's network that lists none may choose it, as with Podman",
      labelled({ 'olla-gateway.network': 'host' }, { NetworkSettings: { Networks: null } }),
      '',
      'http://127.0.0.1:11434',
    ],
    ['without a network is none', labelled({}, { NetworkSettings: { Networks: null } }), '', undefined],
    ['without an address is none', container('a', { bridge: '' }), '', undefined],
  ] as const)
    it(name, () => assert.equal(urlOf(one, network), url))

  it('gives type, weight and tags', () => {
    const [found] = endpointsOfContainers(
      [labelled({ 'olla-gateway.type': 'vllm', 'olla-gateway.weight': '2', 'olla-gateway.name': 'gpu' })],
      { network: '' },
    )
    assert.deepEqual(found?.settings, { type: 'vllm', weight: 2 })
    assert.equal(found.name, 'gpu')
  })

  for (const [state, status, isReady] of [
    ['running', 'Up 3 minutes', true],
    ['running', 'Up 3 minutes (healthy)', true],
    ['running', 'Up 3 minutes (unhealthy)', false],
    ['running', 'Up 1 second (health: starting)', false],
    ['paused', 'Up 3 minutes (Paused)', false],
    ['restarting', 'Restarting (1) 5 seconds ago', false],
    ['exited', 'Exited (0) 5 seconds ago', false],
  ] as const)
    it(`is ${isReady ? '' : 'not '}ready if it is ${state}: ${status}`, () => {
      const [found] = endpointsOfContainers([labelled({}, { State: state, Status: status })], { network: '' })
      assert.equal(found?.isReady, isReady)
    })
})
