import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { FileOutput, PipeOutput } from '../../src/logging/log-output.ts'
import { createPrettyLines, requestText } from '../../src/logging/pretty-lines.ts'

const idle = (output: { whenIdle(done: () => void): void }) =>
  new Promise<void>((resolve) => output.whenIdle(resolve))

/** A connection whose other end does not read. */
async function stalledSocket(t: TestContext): Promise<{ socket: Socket; peer: Socket }> {
  const server = createServer({ pauseOnConnect: true })
  t.after(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const accepted = once(server, 'connection')
  const socket = connect(address.port, '127.0.0.1')
  const [[peer]] = (await Promise.all([accepted, once(socket, 'connect')])) as [[Socket], unknown]
  t.after(() => {
    socket.destroy()
    peer.destroy()
  })
  return { socket, peer }
}

describe('FileOutput', () => {
  it('gathers short lines and writes all of them, in order', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'olla-output-')), 'log')
    const descriptor = openSync(path, 'w')
    const output = new FileOutput(descriptor, 10)
    const lines = Array.from({ length: 200 }, (_, at) => `line ${at}\n`)
    for (const line of lines) output.write(line)
    await idle(output)
    closeSync(descriptor)
    assert.equal(await readFile(path, 'utf8'), lines.join(''))
  })

  it('drops what cannot be written, and is idle all the same', async () => {
    // A descriptor that is open for reading only.
    const descriptor = openSync('/dev/null', 'r')
    const output = new FileOutput(descriptor, 0)
    for (let line = 0; line < 10; line++) output.write('x'.repeat(1000))
    await idle(output)
    await idle(output)
    closeSync(descriptor)
  })
})

describe('PipeOutput', () => {
  it('holds back a bounded amount for a reader that has stopped', async (t) => {
    const { socket } = await stalledSocket(t)
    const output = new PipeOutput(socket)
    const line = 'x'.repeat(1024 * 1024)
    for (let count = 0; count < 40; count++) output.write(line)
    assert.ok(socket.writableLength < 20 * 1024 * 1024, String(socket.writableLength))
  })

  it('is idle once the reader has gone', async (t) => {
    const { socket, peer } = await stalledSocket(t)
    const output = new PipeOutput(socket)
    output.write('x'.repeat(1024 * 1024))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    peer.resetAndDestroy()
    await closed
    output.write('more')
    await idle(output)
  })
})

describe('lines for people', () => {
  it('are one for each event and for each request', async () => {
    const pretty = await createPrettyLines(false)
    const event = {
      level: 'warn',
      time: '2026-01-01T00:00:00.000Z',
      endpoint: 'a',
      from: 'x',
      to: 'y',
      msg: 'endpoint is y',
    }
    const request = {
      level: 'info',
      time: '2026-01-01T00:00:00.000Z',
      request_id: 'id-1',
      method: 'POST',
      path: '/v1/chat/completions',
      status: 200,
      outcome: 'success',
      model: 'm',
      endpoint: 'box',
      attempts: 2,
      duration_ms: 812.4,
      output_tokens: 130,
      msg: 'request',
    }
    const text = pretty(`${JSON.stringify(request)}\n${JSON.stringify(event)}\n`)
    const lines = text.trimEnd().split('\n')
    assert.equal(lines.length, 2, text)
    assert.match(lines[1] ?? '', /WARN: endpoint is y .*"endpoint":"a"/)
    assert.match(
      lines[0] ?? '',
      /INFO: POST \/v1\/chat\/completions 200 box m 812 ms, 2 attempts, 130 tokens, id id-1$/,
    )
    assert.match(
      requestText({ ...request, outcome: 'failure', error: 'no endpoint' }),
      /failure, 2 attempts.*no endpoint/,
    )
  })
})
