import assert from 'node:assert/strict'
import { it } from 'node:test'
import { pino } from 'pino'
import { serveOnThreads } from '../../../src/app/serving-threads.ts'
import { parseConfig } from '../../../src/config/load.ts'

it('starts no thread after a stop signal', async () => {
  const gateway = await serveOnThreads(2, {
    config: parseConfig({ server: { host: '127.0.0.1', port: 0 } }),
    logger: pino({ level: 'silent' }),
    writeLines: () => {},
    signal: AbortSignal.abort(),
    entry: new URL('data:text/javascript,throw new Error("a thread was started")'),
  })
  assert.equal(gateway.address, '')
  assert.deepEqual(await gateway.close(), { drained: 0, cut: 0 })
})
