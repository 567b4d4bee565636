import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type HttpClient, httpClients } from '../../../src/http/client/contract.ts'
import { type HostileAnswer, hostileAnswers } from '../../attack/corpus/answers.ts'
import { Collected, failureOf, get, startPool } from './server.ts'

/** Answers of which one client accepts more than the other; neither accepts bytes of another answer. */
const differences: readonly string[] = [
  // undici refuses what may be read in one way only.
  'coding "chunked" and a length: taken, refused',
  'coding "Chunked" and a length: taken, refused',
  'length "5,5": taken, refused',
  'length "5\\r\\nContent-Length: 5": taken, refused',
  'size "5 ": taken, refused',
  'size "5\\t": taken, refused',
  // undici reads past what does not change where the answer ends.
  'size "5;xxxxxxxxxxxxxxxxxxxxxxxxxxxx": refused, taken',
  'long trailers: refused, taken',
  'line "HTTP/0.9 200 OK": refused, taken',
  'line "HTTP/2.0 200 OK": refused, taken',
  'line "HTTP/1.1 200 O\\u0000K": refused, taken',
]

/** What becomes of an answer that the server sends part by part before it closes. */
async function outcomeOf(t: TestContext, client: HttpClient, answer: HostileAnswer): Promise<string> {
  const { parts, ends } = answer
  if (typeof parts === 'function') throw new Error('an answer without an end')
  const { pool } = await startPool(t, client, ({ socket }) => {
    socket.removeAllListeners('data').resume()
    const left = [...parts]
    const next = () => {
      const part = left.shift()
      if (part !== undefined) socket.write(part, 'latin1', () => setImmediate(next))
      else if (ends === 'reset') socket.resetAndDestroy()
      else socket.end()
    }
    next()
  })
  const told = new Collected()
  pool.send({ ...get, method: answer.method ?? 'GET' }, told)
  const outcome = (await told.over) === undefined ? 'taken' : 'refused'
  const names = told.headers.filter((_, at) => at % 2 === 0)
  assert.ok(!names.includes('X-Injected'), `${client}: ${answer.name}`)
  pool.close()
  return outcome
}

describe('the two clients', () => {
  it('accept the same answers, or one is stricter', async (t) => {
    const finite = hostileAnswers.filter(({ parts }) => typeof parts !== 'function')
    const outcomes = await Promise.all(
      finite.map(async (answer) => {
        const [own, undici] = await Promise.all(httpClients.map((client) => outcomeOf(t, client, answer)))
        return own === undici ? undefined : `${answer.name}: ${own}, ${undici}`
      }),
    )
    assert.ok(finite.length > 100)
    assert.deepEqual(
      outcomes.filter((outcome) => outcome !== undefined),
      differences,
    )
  })

  for (const client of httpClients) {
    it(`report an invalid head as a protocol failure: ${client}`, async (t) => {
      for (const head of ['Content-Length: 5x', 'Content-Length: 5\r\nContent-Length: 6', 'Bad Name: 1']) {
        const { pool } = await startPool(t, client, ({ socket }) =>
          socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\nfirst`),
        )
        const told = new Collected()
        pool.send(get, told)
        assert.equal(failureOf(await told.over), 'protocol', head)
      }
    })
  }
})
