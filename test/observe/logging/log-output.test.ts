import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { FileOutput } from '../../../src/observe/logging/file-output.ts'
import { LostLines } from '../../../src/observe/logging/lost-lines.ts'
import { createPrettyLines, requestText } from '../../../src/observe/logging/pretty-lines.ts'
import { PipeOutput } from '../../../src/observe/logging/standard-output.ts'

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
  it('gathers short lines and writes all of them in order', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'olla-output-')), 'log')
    const descriptor = openSync(path, 'w')
    const output = new FileOutput(descriptor, 10, new LostLines())
    const lines = Array.from({ length: 200 }, (_, at) => `line ${at}\n`)
    for (const line of lines) output.write(line)
    await idle(output)
    closeSync(descriptor)
    assert.equal(await readFile(path, 'utf8'), lines.join(''))
  })

  it('drops and counts what cannot be written, stays idle, and reports once it works again', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'olla-output-')), 'log')
    const told: number[] = []
    const lost = new LostLines((lines) => void told.push(lines))
    // A descriptor that is open for reading only.
    const output = new FileOutput(openSync('/dev/null', 'r'), 0, lost)
    output.write('one\ntwo\n')
    await idle(output)
    output.write('three\n')
    await idle(output)
    assert.deepEqual([told, lost.total, lost.takeReport()], [[2, 1], 3, 0])
    output.reopen(openSync(path, 'w'), 0)
    output.write('four\n')
    await idle(output)
    assert.deepEqual([lost.takeReport(), lost.takeReport(), lost.total], [3, 0, 3])
    assert.equal(await readFile(path, 'utf8'), 'four\n')
  })

  it('reports the size of the next file while the previous one is still being written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'olla-output-'))
    const output = new FileOutput(openSync(join(folder, '1'), 'w'), 0, new LostLines())
    output.write('one\n')
    await idle(output)
    output.write('two\n')
    output.reopen(openSync(join(folder, '2'), 'w'), 0)
    assert.equal(output.size, 0)
    output.write('three\n')
    await idle(output)
    assert.equal(output.size, 6)
    assert.equal(await readFile(join(folder, '1'), 'utf8'), 'one\ntwo\n')
    assert.equal(await readFile(join(folder, '2'), 'utf8'), 'three\n')
  })

  const skip = existsSync('/dev/full') ? false : 'no /dev/full'
  it('counts lines that exceed the buffer', { skip }, async () => {
    const lost = new LostLines()
    const output = new FileOutput(openSync('/dev/full', 'w'), Number.POSITIVE_INFINITY, lost)
    const line = `${'x'.repeat(1024 * 1024 - 1)}\n`
    for (let count = 0; count < 12; count++) output.write(line)
    assert.equal(lost.total, 4)
    await idle(output)
    assert.equal(lost.total, 12)
  })

  it('drops lines without a file, and starts a new line after an incomplete one', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'olla-output-')), 'log')
    const lost = new LostLines()
    const output = new FileOutput(undefined, 0, lost)
    output.write('lost\n')
    await idle(output)
    assert.equal(lost.total, 1)
    output.reopen(openSync(path, 'w'), 0)
    output.write('unfinished')
    await idle(output)
    output.write('whole\n')
    await idle(output)
    assert.equal(output.size, 17)
    assert.equal(await readFile(path, 'utf8'), 'unfinished\nwhole\n')
  })
})

describe('PipeOutput', () => {
  it('buffers a bounded amount for a stalled reader, and counts the rest', async (t) => {
    const { socket } = await stalledSocket(t)
    const lost = new LostLines()
    const output = new PipeOutput(socket, lost)
    const line = `${'x'.repeat(1024 * 1024)}\n`
    for (let count = 0; count < 40; count++) output.write(line)
    assert.ok(socket.writableLength < 20 * 1024 * 1024, String(socket.writableLength))
    assert.ok(lost.total >= 20 && lost.total < 40, String(lost.total))
    assert.equal(lost.takeReport(), 0)
  })

  it('reports dropped lines once its reader continues', async (t) => {
    const { socket, peer } = await stalledSocket(t)
    const lost = new LostLines()
    const output = new PipeOutput(socket, lost)
    const line = `${'x'.repeat(1024 * 1024)}\n`
    for (let count = 0; count < 20; count++) output.write(line)
    const { total } = lost
    peer.resume()
    await idle(output)
    assert.equal(lost.takeReport(), total)
  })

  it('is idle once the reader has disconnected, and counts all further lines', async (t) => {
    const { socket, peer } = await stalledSocket(t)
    const lost = new LostLines()
    const output = new PipeOutput(socket, lost)
    for (let line = 0; line < 20; line++) output.write(`${'x'.repeat(1024 * 1024)}\n`)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    peer.resetAndDestroy()
    await closed
    // The system may have taken the first of them.
    const before = lost.total
    assert.ok(before > 10 && before <= 20, String(before))
    output.write('more\n')
    await idle(output)
    assert.equal(lost.total, before + 1)
    assert.equal(lost.takeReport(), 0)
  })
})

describe('human-readable lines', () => {
  it('are one per event and one per request', async () => {
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

  it('of requests are what the library would make of them', async () => {
    const pretty = await createPrettyLines(false)
    const { prettyFactory } = await import('pino-pretty')
    const library = prettyFactory({
      colorize: false,
      translateTime: 'SYS:HH:MM:ss.l',
      singleLine: true,
      hideObject: true,
      messageFormat: requestText,
    })
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('a\nb', '\u001b[31m', '{x}', '"', '\\'),
    )
    const record = fc.record(
      {
        level: fc.constantFrom('debug', 'info', 'warn', 'error'),
        time: fc
          .date({
            min: new Date('2020-01-01T00:00:00Z'),
            max: new Date('2030-01-01T00:00:00Z'),
            noInvalidDate: true,
          })
          .map((date) => date.toISOString()),
        request_id: text,
        method: text,
        path: text,
        status: fc.integer({ min: 100, max: 599 }),
        outcome: fc.constantFrom('success', 'failure', 'client_gone'),
        model: text,
        endpoint: text,
        attempts: fc.nat(5),
        duration_ms: fc.double({ min: 0, max: 1e6, noNaN: true }),
        output_tokens: fc.nat(1000),
        error: text,
      },
      { requiredKeys: ['level', 'time', 'request_id'] },
    )
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 5 }), (records) => {
        const lines = records.map((each) => JSON.stringify({ ...each, msg: 'request' }))
        assert.equal(
          pretty(`${lines.join('\n')}\n`),
          lines.map((line) => `${library(line).trimEnd()}\n`).join(''),
        )
      }),
    )
  })
})
