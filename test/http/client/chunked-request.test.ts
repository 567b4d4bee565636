import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { httpClients } from '../../../src/http/client/contract.ts'
import { ask, Collected, ok, startPool } from './server.ts'

const post = { method: 'POST', path: '/', headers: ['X-A', '1'] }

/** The data of a chunked body, once it is complete. */
function decoded(text: string): string | undefined {
  let at = text.indexOf('\r\n\r\n') + 4
  let data = ''
  for (;;) {
    const end = text.indexOf('\r\n', at)
    if (end < 0) return undefined
    const length = Number.parseInt(text.slice(at, end), 16)
    if (length === 0) return text.slice(end) === '\r\n\r\n' ? data : undefined
    data += text.slice(end + 2, end + 2 + length)
    at = end + 2 + length + 2
  }
}

for (const client of httpClients) {
  describe(`a stream of unknown length through the ${client} client`, () => {
    it('is sent in chunks, and the connection is used again', async (t) => {
      let seen = ''
      const bodies: string[] = []
      const { pool, sockets } = await startPool(t, client, ({ socket, text }) => {
        seen += text
        const data = decoded(seen)
        if (data === undefined) return
        assert.match(seen, /^POST \/ HTTP\/1\.1\r\n/)
        assert.match(seen, /\r\ntransfer-encoding: chunked\r\n/i)
        assert.doesNotMatch(seen.slice(0, seen.indexOf('\r\n\r\n')), /content-length/i)
        bodies.push(data)
        seen = ''
        socket.write(ok)
      })
      const large = Array.from({ length: 40 }, (_, at) =>
        String.fromCharCode(97 + (at % 26)).repeat(50_000 + at),
      )
      for (const parts of [large, ['a', 'bc'], ['x']]) {
        const body = Readable.from(parts.map((part) => Buffer.from(part)))
        const { told, error } = await ask(pool, { ...post, body })
        assert.deepEqual([error, told.body], [undefined, 'ok'])
        const hash = (text: string) => createHash('sha256').update(text).digest('hex')
        assert.equal(hash(bodies.at(-1) ?? ''), hash(parts.join('')))
      }
      assert.equal(sockets.length, 1)
    })

    it('has no last chunk if it breaks', async (t) => {
      let seen = ''
      const { pool, sockets } = await startPool(t, client, ({ text }) => {
        seen += text
      })
      const body = new Readable({ read() {} })
      const told = new Collected()
      pool.send({ ...post, body }, told)
      body.push('half')
      while (!seen.includes('half')) await new Promise((resolve) => setImmediate(resolve))
      body.destroy(new Error('cut'))
      assert.match(String(await told.over), /cut/)
      const [socket] = sockets
      if (socket?.closed === false) await new Promise((resolve) => socket.once('close', resolve))
      assert.equal(decoded(seen), undefined)
    })
  })
}
