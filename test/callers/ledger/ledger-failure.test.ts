import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { ledgerFailure } from '../../../src/callers/ledger/ledger-failure.ts'

const withCode = (code: string) => Object.assign(new Error('10.0.0.5 said no'), { code })

describe('why the ledger cannot be written', () => {
  it('is known for errors of SQLite', () => {
    const db = new DatabaseSync(':memory:')
    db.exec('CREATE TABLE t (x); PRAGMA max_page_count = 2')
    const errorOf = (sql: string): unknown => {
      try {
        db.exec(sql)
      } catch (error) {
        return error
      }
      return assert.fail(sql)
    }
    assert.equal(ledgerFailure(errorOf('INSERT INTO t VALUES (zeroblob(100000))')), 'disk_full')
    assert.equal(ledgerFailure(errorOf('INSERT INTO gone VALUES (1)')), 'failed')
    db.exec('PRAGMA query_only = 1')
    assert.equal(ledgerFailure(errorOf('INSERT INTO t VALUES (1)')), 'read_only')
    db.close()
  })

  for (const [code, failure] of [
    ['ECONNREFUSED', 'unreachable'],
    ['ECONNRESET', 'unreachable'],
    ['ENOTFOUND', 'unreachable'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ETIMEDOUT', 'unreachable'],
    ['57P01', 'unreachable'],
    ['08006', 'unreachable'],
    ['53300', 'unreachable'],
    ['53100', 'disk_full'],
    ['ENOSPC', 'disk_full'],
    ['25006', 'read_only'],
    ['28P01', 'refused'],
    ['42501', 'refused'],
    ['55P03', 'locked'],
    ['42P01', 'failed'],
  ] as const) {
    it(`is ${failure} for ${code}`, () => assert.equal(ledgerFailure(withCode(code)), failure))
  }

  it('is known without a code for connections that end, and never the text itself', () => {
    assert.equal(ledgerFailure(new Error('Connection terminated unexpectedly')), 'unreachable')
    assert.equal(ledgerFailure(new Error('secret')), 'failed')
    assert.equal(ledgerFailure('secret'), 'failed')
  })
})
