import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkHosts } from '../../src/app/cli/look-up-hosts.ts'
import { settleEndpoints } from '../../src/config/checks/endpoint-list.ts'
import type { Machine } from '../../src/config/checks/own-addresses.ts'
import { findSelf } from '../../src/config/checks/self-endpoint.ts'
import { parseConfig } from '../../src/config/load.ts'
import { endpoints, load, warningsOf } from './support.ts'

const address = (text: string) => ({
  address: text,
  netmask: '',
  mac: '',
  internal: false,
  cidr: null,
  ...(text.includes(':') ? { family: 'IPv6' as const, scopeid: 0 } : { family: 'IPv4' as const }),
})
const machine: Machine = {
  interfaces: {
    lo: [address('127.0.0.1'), address('::1')],
    eth0: [address('192.0.2.7'), address('2001:db8::7')],
  },
  name: 'gpu',
  resolved: new Map([
    ['gateway.example', ['192.0.2.7']],
    ['other.example', ['192.0.2.8']],
    ['gpu.lan', ['192.0.2.7']],
  ]),
}
const port = 40114

describe('an endpoint with the listener’s own address', () => {
  const rows: readonly (readonly [host: string, url: string, isSelf: boolean])[] = [
    ['localhost', 'http://localhost:40114', true],
    ['localhost', 'http://127.0.0.1:40114/', true],
    ['localhost', 'http://[::1]:40114/v1', true],
    ['localhost', 'http://LOCALHOST.:40114/olla/proxy', true],
    ['localhost', 'https://localhost:40114', true],
    ['localhost', 'http://127.0.0.2:40114', false],
    ['localhost', 'http://192.0.2.7:40114', false],
    ['localhost', 'http://localhost:40115', false],
    ['127.0.0.1', 'http://0:40114', true],
    ['127.0.0.1', 'http://0.0.0.0:40114', true],
    ['127.0.0.1', 'http://2130706433:40114', true],
    ['127.0.0.1', 'http://0177.0.0.1:40114', true],
    ['127.0.0.1', 'http://[::ffff:7f00:1]:40114', true],
    ['127.0.0.1', 'http://any.localhost:40114', true],
    ['127.0.0.1', 'http://gpu:40114', true],
    ['127.0.0.1', 'http://[::1]:40114', false],
    ['::1', 'http://[::]:40114', true],
    ['127.0.0.5', 'http://127.0.0.5:40114', true],
    ['127.0.0.5', 'http://127.0.0.1:40114', false],
    ['0.0.0.0', 'http://127.0.0.2:40114', true],
    ['0.0.0.0', 'http://192.0.2.7:40114', true],
    ['0.0.0.0', 'http://gpu:40114', true],
    ['0.0.0.0', 'http://GPU.lan:40114', true],
    ['0.0.0.0', 'http://gateway.example:40114', true],
    ['0.0.0.0', 'http://other.example:40114', false],
    ['0.0.0.0', 'http://unknown.example:40114', false],
    ['0.0.0.0', 'http://192.0.2.8:40114', false],
    ['0.0.0.0', 'http://[2001:db8::7]:40114', false],
    ['::', 'http://[2001:db8:0:0::7]:40114', true],
    ['::', 'http://127.0.0.1:40114', true],
    ['::', 'http://[::ffff:192.0.2.7]:40114', true],
    ['gpu', 'http://192.0.2.7:40114', true],
  ]
  for (const [host, url, isSelf] of rows) {
    it(`${isSelf ? 'prevents' : 'does not prevent'} the start: ${url}, listening on ${host}`, () => {
      const config = parseConfig({
        server: { host, port },
        discovery: { static: { endpoints: [{ url, type: 'vllm' }] } },
      })
      assert.equal(findSelf(config, machine).length, isSelf ? 1 : 0)
    })
  }

  it('is not checked if the listener uses any free port', () => {
    const config = parseConfig({
      server: { port: 0 },
      discovery: { static: { endpoints: [{ url: 'http://localhost' }] } },
    })
    assert.deepEqual(findSelf(config, machine), [])
  })
})

describe('two endpoints with the same server', () => {
  const rows: readonly (readonly [one: string, other: string, isSame: boolean])[] = [
    ['http://localhost:8000', 'http://127.0.0.1:8000', true],
    ['http://localhost:8000', 'http://[::1]:8000/', true],
    ['http://127.0.0.1:8000', 'http://192.0.2.7:8000', true],
    ['http://gpu:8000', 'http://localhost:8000', true],
    ['http://gateway.example:8000', 'http://192.0.2.7:8000', true],
    ['http://other.example:8000', 'http://192.0.2.8:8000', true],
    ['http://[::ffff:192.0.2.8]:8000', 'http://192.0.2.8:8000', true],
    ['http://localhost:8000', 'http://127.0.0.1:8001', false],
    ['http://localhost:8000/a', 'http://127.0.0.1:8000/b', false],
    ['http://192.0.2.8:8000', 'http://192.0.2.9:8000', false],
    ['http://unknown.example:8000', 'http://else.example:8000', false],
  ]
  for (const [one, other, isSame] of rows) {
    it(`${isSame ? 'cause a' : 'cause no'} warning: ${one} and ${other}`, () => {
      const config = parseConfig({
        discovery: {
          static: {
            endpoints: [
              { url: one, name: 'a' },
              { url: other, name: 'b' },
            ],
          },
        },
      })
      const { problems } = settleEndpoints(config.discovery.static.endpoints, machine)
      const told = problems.filter(({ message }) => message.startsWith('is the same server as endpoint "a"'))
      assert.equal(told.length, isSame ? 1 : 0)
    })
  }
})

describe('host names of endpoints', () => {
  const list = '{ url: "http://one.example:8000", name: a }, { url: "http://two.example:8000", name: b }'
  const known: Record<string, readonly string[]> = {
    'one.example': ['192.0.2.8'],
    'two.example': ['192.0.2.8'],
    'me.example': ['127.0.0.1'],
  }
  const lookUp = (host: string) =>
    known[host] === undefined ? Promise.reject(new Error('not found')) : Promise.resolve(known[host])

  it('are resolved, and two for one server cause a warning with a position', async () => {
    const loaded = await checkHosts(await load(endpoints(list)), lookUp)
    assert.match(
      warningsOf(loaded),
      /config\.yaml:1:\d+ .*endpoints\[1\]\.url: is the same server as endpoint "a"/,
    )
  })

  it('prevent the start if they resolve to the listener', async () => {
    const loaded = await load(endpoints('{ url: "http://me.example:40114", name: me }'))
    await assert.rejects(
      checkHosts(loaded, lookUp),
      /config\.yaml:1:\d+ .*endpoints\[0\]\.url: is the gateway's own address/,
    )
  })

  it('do not delay the start if they do not resolve in time', async () => {
    const loaded = await load(
      endpoints('{ url: "http://no.example:8000" }, { url: "http://late.example:8000" }'),
    )
    const checked = await checkHosts(loaded, (host) =>
      host === 'late.example' ? new Promise(() => {}) : lookUp(host),
    )
    assert.equal(warningsOf(checked), warningsOf(loaded))
  })

  it('are not resolved if all endpoints have addresses', async () => {
    const loaded = await load(endpoints('{ url: "http://127.0.0.1:8000" }, { url: "http://localhost:8001" }'))
    assert.equal(await checkHosts(loaded, () => assert.fail('looked up')), loaded)
  })
})
