import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import {
  DnsProvider,
  type DnsProviderOptions,
  nameServer,
} from '../../../src/endpoints/providers/dns-provider.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { eventually } from '../../support/simulator.ts'
import { recordReports } from './reports.ts'

const program = ['/usr/sbin/dnsmasq', '/usr/local/sbin/dnsmasq'].find((path) => existsSync(path))
const isRequired = process.env.OLLA_REQUIRE_DNSMASQ === '1'
const skip =
  program === undefined && !isRequired && 'dnsmasq is not installed (Debian: apt-get install dnsmasq-base)'

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

/** A name server whose records change by a restart: dnsmasq reads most of them only once. */
async function startNameServer(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'dnsmasq-'))
  const port = await freeUdpPort()
  let child: ChildProcess | undefined
  const stop = async () => {
    if (child === undefined) return
    const gone = new Promise((resolve) => child?.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
    child = undefined
  }
  t.after(async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    server: `127.0.0.1:${port}`,
    stop,
    async serve(lines: readonly string[]) {
      await stop()
      const file = join(folder, 'dnsmasq.conf')
      const fixed = [
        'no-resolv',
        'no-hosts',
        'bind-interfaces',
        'listen-address=127.0.0.1',
        'local=/test/',
        'local-ttl=1',
      ]
      writeFileSync(
        file,
        `${[...fixed, `port=${port}`, `pid-file=${join(folder, 'pid')}`, ...lines].join('\n')}\n`,
      )
      child = spawn(program ?? 'dnsmasq', ['--no-daemon', `--conf-file=${file}`], { stdio: 'ignore' })
    },
  }
}

function start(t: TestContext, server: string, options: Partial<DnsProviderOptions>) {
  const recorded = recordReports()
  const provider = new DnsProvider({
    names: ['gpu.test'],
    record: 'A',
    port: 8000,
    scheme: 'http',
    intervalMs: 5_000,
    server: nameServer([server], 500),
    clock: systemClock,
    ...options,
  })
  t.after(() => provider.stop())
  provider.start(recorded.reports)
  const shows = (...urls: string[]) =>
    eventually(() => JSON.stringify([...(recorded.urls() ?? [])].sort()) === JSON.stringify(urls))
  return { shows, ...recorded }
}

describe('a real name server', { skip }, () => {
  it('whose addresses change', async (t) => {
    const names = await startNameServer(t)
    await names.serve(['host-record=gpu.test,10.0.0.1,fd00::1', 'host-record=gpu.test,10.0.0.2'])
    const { shows } = start(t, names.server, {})
    await shows('http://10.0.0.1:8000', 'http://10.0.0.2:8000')
    await names.serve(['host-record=gpu.test,10.0.0.3'])
    await shows('http://10.0.0.3:8000')
  })

  it('that is away or does not know the name any more', async (t) => {
    const names = await startNameServer(t)
    await names.serve(['host-record=gpu.test,10.0.0.1'])
    const { shows, failures } = start(t, names.server, {})
    await shows('http://10.0.0.1:8000')
    await names.stop()
    await eventually(() => failures.some((each) => /ECONNREFUSED|ETIMEOUT/.test(each)))
    await names.serve([])
    await eventually(() => failures.some((each) => each.includes('ENOTFOUND')))
    await shows('http://10.0.0.1:8000')
    await names.serve(['host-record=gpu.test,10.0.0.2'])
    await shows('http://10.0.0.2:8000')
  })

  it('that answers without addresses', async (t) => {
    const names = await startNameServer(t)
    await names.serve(['host-record=gpu.test,10.0.0.1'])
    const { shows, failures } = start(t, names.server, {})
    await shows('http://10.0.0.1:8000')
    // The name exists, with an address of the other kind only.
    await names.serve(['host-record=gpu.test,fd00::1'])
    await shows()
    assert.deepEqual(
      failures.filter((each) => each.includes('ENODATA')),
      [],
    )
  })

  it('with addresses of IPv6 and with services', async (t) => {
    const names = await startNameServer(t)
    await names.serve([
      'host-record=a.test,10.0.0.1,fd00::1',
      'srv-host=_ollama._tcp.test,a.test,11434,10,5',
      'srv-host=_ollama._tcp.test,b.test,11435,20,1',
    ])
    const six = start(t, names.server, { names: ['a.test'], record: 'AAAA' })
    await six.shows('http://[fd00::1]:8000')
    const services = start(t, names.server, { names: ['_ollama._tcp.test'], record: 'SRV' })
    await services.shows('http://a.test:11434', 'http://b.test:11435')
  })
})
