import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ClientKeys } from '../../../src/admin/security/client-key.ts'

const cases: readonly [prefixBits: number, address: string, key: string][] = [
  [64, '192.0.2.1', '192.0.2.1'],
  [64, '::ffff:192.0.2.1', '192.0.2.1'],
  [64, '::ffff:c000:201', '192.0.2.1'],
  [64, '64:ff9b::192.0.2.1', '192.0.2.1'],
  [64, '2001:db8:0:1::1', '2001:db8:0:1::/64'],
  [64, '2001:DB8:0:1:ffff:ffff:ffff:ffff', '2001:db8:0:1::/64'],
  [64, '2001:db8:0:2::1', '2001:db8:0:2::/64'],
  [56, '2001:db8:0:1ff::1', '2001:db8:0:100::/56'],
  [48, '2001:db8:1:2::1', '2001:db8:1::/48'],
  [128, '2001:db8::1', '2001:db8::1'],
  [64, '::1', '::/64'],
  [64, 'fe80::1%eth0', 'fe80::/64'],
  [64, 'fe80::2%eth1', 'fe80::/64'],
  [64, '', ''],
  [64, 'not:an:address', 'not:an:address'],
]

describe('the key of a client', () => {
  for (const [bits, address, key] of cases) {
    it(`of '${address}' is '${key}' at ${bits} bits`, () =>
      assert.equal(new ClientKeys(bits).of(address), key))
  }

  it('stays the same after any number of others', () => {
    const keys = new ClientKeys(64)
    for (let site = 0; site < 3000; site++) keys.of(`2001:db8:${(site % 0xffff).toString(16)}::1`)
    assert.equal(keys.of('2001:db8:1::2'), '2001:db8:1::/64')
  })
})
