import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Pool } from 'undici'
import { UndiciAnswer } from '../../../src/proxy/transports/undici-answer.ts'
import { createExchanges } from '../../support/exchange.ts'
import { chunk, sseHead, startRawUpstream } from '../../support/raw-upstream.ts'
import { eventually } from '../../support/simulator.ts'

describe('UndiciAnswer', () => {
  it('lets go of the connection where the answer is not wanted', async (t) => {
    const upstream = await startRawUpstream(
      t,
      ({ socket }) => void socket.write(sseHead + chunk('data: 1\n\n')),
    )
    const pool = new Pool(upstream.url)
    t.after(() => pool.destroy())
    const { services, begin } = createExchanges(t, [{}])
    const heads: number[] = []
    const { failed } = await begin(
      {},
      {
        ...services,
        transport: {
          keepsBodiesBelow: 0,
          send(attempt, { path }) {
            const answer = new UndiciAnswer(attempt, () => {
              heads.push(answer.statusCode)
              answer.destroy()
            })
            pool.dispatch({ method: 'GET', path }, answer)
          },
        },
      },
    )
    await eventually(() => heads.length > 0 && upstream.sockets.size === 0)
    assert.deepEqual(heads, [200])
    assert.deepEqual(failed, [])
  })
})
