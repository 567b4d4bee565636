import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { Duplex } from 'node:stream'
import { Http1Error } from '../../src/http/client/errors.ts'
import { ChunkedBody } from '../../src/http/client/own/chunked-body.ts'
import type { ResponseHead } from '../../src/http/client/own/response-head.ts'
import { readPlainHead } from '../../src/http/server/plain-head.ts'
import { collectingReader } from '../http/client/support.ts'
import type { FuzzTarget } from './target.ts'

interface Answer {
  readonly head: ResponseHead | undefined
  readonly body: string
  /** How it ended: clean, with something behind it, or the code of the error. */
  readonly end: string | undefined
}

/** What the reader makes of pieces, after which the connection ends. */
function answerOf(pieces: readonly Buffer[]): Answer {
  const { reader, told } = collectingReader()
  const answer = (end: string | undefined): Answer => ({ head: told.head, body: told.body, end })
  reader.begin('GET')
  try {
    for (const piece of pieces) {
      // What follows an answer is an error of the connection, found in one read or in the next.
      if (told.isClean !== undefined) return answer('followed')
      reader.push(Buffer.from(piece), piece.length)
    }
    reader.close()
  } catch (error) {
    assert.ok(error instanceof Http1Error, `not its own error: ${error}`)
    return answer(error.code)
  }
  if (told.isClean === undefined) return answer(undefined)
  return answer(told.isClean ? 'clean' : 'followed')
}

function chunkedOf(pieces: readonly Buffer[]): { data: string; end: string } {
  const body = new ChunkedBody()
  let data = ''
  try {
    for (const piece of pieces) {
      if (body.isOver) break
      data += body.read(Buffer.from(piece), 0, piece.length).toString('latin1')
    }
  } catch (error) {
    assert.ok(error instanceof Http1Error, `not its own error: ${error}`)
    return { data: '', end: error.code }
  }
  return { data, end: body.isOver ? 'over' : 'open' }
}

interface ReadHead {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly rawHeaders: readonly string[]
}

/** What Node's server reads first of the same bytes; undefined where it refuses them. */
async function headByNode(bytes: Buffer): Promise<ReadHead | undefined> {
  return new Promise((resolve) => {
    const server = createServer({ requireHostHeader: false }, ({ method, url, rawHeaders }) => {
      resolve({ method, url, rawHeaders })
      socket.destroy()
    })
    server.on('clientError', () => {
      resolve(undefined)
      socket.destroy()
    })
    const socket = new Duplex({ read() {}, write: (_part, _encoding, done) => done() })
    Object.assign(socket, { setTimeout: () => socket, setKeepAlive: () => socket, setNoDelay: () => socket })
    server.emit('connection', socket)
    socket.push(bytes)
    socket.push(null)
    socket.on('close', () => {
      server.close()
      resolve(undefined)
    })
  })
}

export const httpTargets: readonly FuzzTarget[] = [
  {
    name: 'request-head',
    invariant: 'takes only heads that Node’s parser reads in the same way',
    async check(bytes) {
      const head = readPlainHead(bytes)
      if (head === undefined) return false
      const { method, target: url, headers: rawHeaders } = head
      assert.deepEqual(await headByNode(bytes.subarray(0, head.headBytes)), { method, url, rawHeaders })
      return true
    },
  },
  {
    name: 'response',
    invariant: 'says the same of an answer wherever it is cut, and throws its own errors only',
    check(bytes, pieces) {
      const whole = answerOf([bytes])
      const cutUp = answerOf(pieces)
      // Of an answer that turns out to be none, one read may have told the beginning already.
      if (whole.end === 'clean' || cutUp.end === 'clean') assert.deepEqual(cutUp, whole)
      else assert.equal(cutUp.end, whole.end)
      return whole.end === 'clean'
    },
  },
  {
    name: 'chunked-body',
    invariant: 'gives the same data wherever it is cut, never more than it got',
    check(bytes, pieces) {
      const whole = chunkedOf([bytes])
      assert.deepEqual(chunkedOf(pieces), whole)
      assert.ok(whole.data.length <= bytes.length)
      return whole.end === 'over'
    },
  },
]
