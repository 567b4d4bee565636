import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import type { ManagementRun } from '../../../../src/dialects/ollama/manage/management.ts'
import { managementOperations } from '../../../../src/dialects/ollama/manage/operations.ts'
import { relayProgress } from '../../../../src/dialects/ollama/manage/relayed-progress.ts'
import type { RequestHandler } from '../../../../src/http/client/contract.ts'
import { endpoint as endpointWith } from '../../../observe/stats/fixtures.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

const [operation = assert.fail()] = managementOperations

/** The answer to a pull, what has reached the client so far, and the endpoint's side. */
async function relay() {
  const endpoint = endpointWith({ name: 'a' })
  const refreshed = Promise.withResolvers<void>()
  let handler: RequestHandler | undefined
  const run: ManagementRun = {
    services: {
      clock: new FakeClock(),
      pools: {
        get: () => ({
          size: 1,
          send: (_request, given) => {
            handler = given
          },
          closeIdle: () => {},
          retire: () => {},
          close: () => {},
        }),
      },
      shortages: { explain: (failure) => failure },
    },
    endpoints: [endpoint],
    request: {
      operation,
      method: 'POST',
      path: '/api/pull',
      query: '',
      body: null,
      blob: undefined,
      headers: [],
    },
    signal: new AbortController().signal,
    onOutcome: () => {},
    onBlob: () => {},
    succeeded: () => refreshed.promise,
  }
  const answer = relayProgress(run, endpoint)
  assert.ok(handler !== undefined)
  handler.onHeaders(200, ['content-type', 'application/x-ndjson'], () => {})
  const { body } = await answer
  assert.ok(body instanceof Readable)
  let text = ''
  body.on('data', (chunk: Buffer) => {
    text += chunk
  })
  const received = async () => {
    await new Promise((resolve) => setImmediate(resolve))
    return text
  }
  return { handler, received, refreshed: () => refreshed.resolve() }
}

const progress = '{"status":"pulling manifest"}\n'
const success = '{"status":"success"}\n'

describe('the progress of a single endpoint', () => {
  for (let at = 1; at < success.length; at++) {
    it(`holds back the success until the models are known, cut at byte ${at}`, async () => {
      const { handler, received, refreshed } = await relay()
      handler.onData(Buffer.from(progress + success.slice(0, at)))
      handler.onData(Buffer.from(success.slice(at)))
      handler.onComplete()
      assert.equal(await received(), progress)
      refreshed()
      assert.equal(await received(), progress + success)
    })
  }

  it('passes lines that are too long to be progress', async () => {
    const { handler, received } = await relay()
    const long = 'x'.repeat(70_000)
    handler.onData(Buffer.from(long))
    assert.equal(await received(), long)
  })

  it('ends with an error on a line of its own', async () => {
    const { handler, received } = await relay()
    handler.onData(Buffer.from(`${progress}{"status":"pul`))
    handler.onError(new Error('cut'))
    const [first, last, ...others] = (await received()).split('\n')
    assert.equal(`${first}\n`, progress)
    assert.match(last ?? '', /^\{"error":"a: /)
    assert.deepEqual(others, [''])
  })
})
