import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseConfig } from '../../../src/config/load.ts'
import { createLogger, createThreadLogger } from '../../../src/observe/logging/logger.ts'
import { redactQuery } from '../../../src/observe/logging/redact.ts'

describe('createLogger', () => {
  it('writes batched lines to a file, redacted, and removes files that are too old', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'olla-logs-'))
    const old = join(dir, 'olla-gateway.99.log')
    await writeFile(old, 'old')
    await utimes(old, new Date('2020-01-01'), new Date('2020-01-01'))
    const { logging } = parseConfig({ logging: { output: 'file', dir, level: 'warn' } })
    const { logger, flush } = await createLogger({ config: logging, isTerminal: false, formatIsChosen: true })
    logger.info('below the level')
    logger.warn({ authorization: 'Bearer x', headers: { cookie: 'c' }, kept: 1 }, 'told')
    await flush()
    const [file, ...others] = await readdir(dir)
    assert.deepEqual(others, [])
    const lines = (await readFile(join(dir, file ?? ''), 'utf8')).trim().split('\n')
    assert.equal(lines.length, 1)
    const line: Record<string, unknown> = JSON.parse(lines[0] ?? '')
    assert.equal(line.level, 'warn')
    assert.equal(line.kept, 1)
    assert.equal(line.authorization, '[redacted]')
    assert.deepEqual(line.headers, { cookie: '[redacted]' })
  })
})

describe('createThreadLogger', () => {
  it('batches lines like those of the log, redacted, and sends them to its owner', async () => {
    const sent: string[] = []
    const { logger, requestLogger, flush } = createThreadLogger('info', (lines) => void sent.push(lines))
    logger.debug('below the level')
    logger.info({ authorization: 'Bearer x' }, 'told')
    requestLogger.info({ path: '/v1' }, 'request')
    assert.deepEqual(sent, [])
    await flush()
    assert.equal(sent.length, 1)
    const [first, second] = (sent[0] ?? '')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual([first?.msg, first?.authorization], ['told', '[redacted]'])
    assert.deepEqual([second?.msg, second?.path, second?.level], ['request', '/v1', 'info'])
    for (let line = 0; sent.length === 1; line++) requestLogger.info({ line }, 'request')
    assert.ok((sent[1] ?? '').length > 16_000)
  })
})

describe('redactQuery', () => {
  const cases: [string, string][] = [
    ['/a', '/a'],
    ['/a?x=1&token=abc', '/a?x=1&token=[redacted]'],
    ['/a?API_KEY=abc&key=d', '/a?API_KEY=[redacted]&key=[redacted]'],
    ['/a?%74oken=abc', '/a?%74oken=[redacted]'],
    ['/a?x=%20&secret=s', '/a?x=%20&secret=[redacted]'],
    ['/a?monkey=1&x=key', '/a?monkey=1&x=key'],
    ['/a?token', '/a?token'],
    ['/a?tokens=3&%=1', '/a?tokens=3&%=1'],
  ]
  for (const [url, expected] of cases) it(url, () => assert.equal(redactQuery(url), expected))
})
