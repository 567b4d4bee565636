import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../../src/config/load.ts'

const messageOf = (provider: object, others: readonly object[] = []) => {
  try {
    parseConfig({ discovery: { providers: [provider, ...others] } })
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

describe('discovery.providers', () => {
  for (const provider of [
    { type: 'file', path: 'endpoints' },
    { type: 'dns', names: ['gpu'], port: 8000 },
    { type: 'dns', names: ['gpu'], port: 8000, record: 'AAAA', remove_after: 0 },
    { type: 'dns', names: ['_ollama._tcp.lan'], record: 'SRV', scheme: 'https' },
    { type: 'kubernetes', service: 'vllm' },
    { type: 'kubernetes', selector: 'llm=yes', port_name: 'api', namespace: 'models' },
    { type: 'docker', network: 'models' },
    { type: 'mdns', require_approval: true, approve: ['studio*'] },
    {
      type: 'scan',
      hosts: ['gpu-[01-16]:8000,8001'],
      template: { type: 'vllm', auth: { type: 'bearer', token: 'x' } },
    },
  ])
    it(`accepts ${JSON.stringify(provider)}`, () => assert.equal(messageOf(provider), ''))

  for (const [provider, message] of [
    [{}, /providers\[0\]: "type" is missing/],
    [{ type: 'consul' }, /providers\[0\]\.type: /],
    [{ type: 'file' }, /providers\[0\]\.path: is missing/],
    [
      { type: 'file', path: 'x', names: ['a'] },
      /providers\[0\]\.names: is not a key of a provider of type file/,
    ],
    [{ type: 'file', path: 'x', intervall: '1s' }, /intervall.*did you mean "interval"/],
    [{ type: 'file', path: 'x', interval: '10ms' }, /interval: must be at least 1s/],
    [
      { type: 'file', path: 'x', template: { wieght: 2 } },
      /template: "wieght" is not a key of an endpoint, did you mean "weight"/,
    ],
    [{ type: 'file', path: 'x', template: { url: 'http://a' } }, /template: "url" is not a key/],
    [{ type: 'dns', port: 80 }, /names: are missing/],
    [{ type: 'dns', names: ['gpu'] }, /port: is missing/],
    [{ type: 'dns', names: ['gpu'], port: 443, scheme: 'https' }, /scheme: https needs names/],
    [{ type: 'dns', names: ['_a._tcp.b'], record: 'SRV', port: 1 }, /port: is in SRV records/],
    [{ type: 'kubernetes' }, /service: is missing/],
    [{ type: 'kubernetes', service: 'a', port: 1, port_name: 'api' }, /port_name: set either/],
    [{ type: 'scan' }, /hosts: are missing/],
    [{ type: 'scan', hosts: ['10.0.0.0/8:80'] }, /hosts: "10\.0\.0\.0\/8:80" is not/],
    [{ type: 'mdns', services: [] }, /services: are missing/],
  ] as const)
    it(`rejects ${JSON.stringify(provider)}`, () => assert.match(messageOf(provider), message))

  it('rejects two providers of one name', () => {
    const docker = { type: 'docker' }
    assert.match(
      messageOf(docker, [docker]),
      /providers\[1\]\.name: "docker" is the name of another provider/,
    )
    assert.equal(messageOf(docker, [{ type: 'docker', name: 'other' }]), '')
  })
})
