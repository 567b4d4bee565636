import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import { whyNoSharedPort } from '../../src/app/port-checks.ts'
import { start } from '../../src/app/server.ts'
import { serveOnThreads } from '../../src/app/serving-threads.ts'
import { parseConfig } from '../../src/config/load.ts'
import { configFor, folder, listening, run } from '../support/command.ts'
import { postChat } from '../support/gateway.ts'
import { chunk, jsonAnswer, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'
import { connectToThreads } from '../support/thread-clients.ts'

describe('the command with two threads', () => {
  it('lets streams of both finish and exits with 0, with 1 if it cut answers', async (t) => {
    const finish: (() => void)[] = []
    const upstream = await startRawUpstream(t, ({ socket }) => {
      socket.write(sseHead + chunk('data: 1\n\n'))
      finish.push(() => void socket.write(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`))
    })
    const cwd = await folder({
      'long.yaml': configFor(upstream.url, ', threads: 2, shutdown_timeout: 60s'),
      'short.yaml': configFor(upstream.url, ', shutdown_timeout: 100ms'),
    })
    const long = run(t, ['-c', 'long.yaml'], { cwd })
    const [[first] = [], [second] = []] = await connectToThreads(t, await listening(long))
    const streams = await Promise.all([first, second].map((client) => client?.chat({ stream: true })))
    long.child.kill('SIGTERM')
    await eventually(() => /"phase":"draining"/.test(long.output()))
    for (const end of finish) end()
    for (const response of streams) {
      let text = ''
      for await (const part of response ?? []) text += String(part)
      assert.match(text, /\[DONE\]/)
    }
    assert.equal(await long.exit, 0)
    assert.match(long.output(), /"cut":0,"msg":"stopped"/)

    const short = run(t, ['-c', 'short.yaml', '--threads', '2'], { cwd })
    const url = await listening(short)
    await eventually(async () => (await postChat(url, { stream: true })).status === 200)
    short.child.kill('SIGTERM')
    assert.equal(await short.exit, 1)
  })

  it('ends at once on a second signal', async (t) => {
    const upstream = await startRawUpstream(
      t,
      ({ socket }) => void socket.write(sseHead + chunk('data: 1\n\n')),
    )
    const cwd = await folder({
      'config.yaml': configFor(upstream.url, ', threads: 2, shutdown_timeout: 60s'),
    })
    const running = run(t, [], { cwd })
    const url = await listening(running)
    await eventually(async () => (await postChat(url, { stream: true })).status === 200)
    running.child.kill('SIGINT')
    await eventually(() => /"msg":"stopping"/.test(running.output()))
    const beforeMs = performance.now()
    // Another one: the same may have come by two ways.
    running.child.kill('SIGTERM')
    assert.notEqual(await running.exit, 0)
    assert.ok(performance.now() - beforeMs < 50_000)
  })

  it('writes the lines of all threads whole, to standard output and to its file', async (t) => {
    const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
    const cwd = await folder({
      'config.yaml': `${configFor(upstream.url)}logging: { output: file, dir: logs }\n`,
    })
    const running = run(t, [], { cwd, env: { OLLA_SERVER_THREADS: '2', OLLA_LOGGING_FORMAT: 'json' } })
    const url = await listening(running)
    const clients = (await connectToThreads(t, url, { each: 4 })).flat()
    await Promise.all(
      clients.map(async (client) => {
        for (let request = 0; request < 25; request++) await client.ask({ user: 'x'.repeat(500) })
      }),
    )
    running.child.kill('SIGTERM')
    assert.equal(await running.exit, 0)
    const [file] = await readdir(join(cwd, 'logs'))
    const written = await readFile(join(cwd, 'logs', file ?? ''), 'utf8')
    for (const text of [running.output(), written]) {
      const requests = text
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as { msg: string; path?: string })
        .filter(({ msg, path }) => msg === 'request' && path === '/v1/chat/completions')
      assert.equal(requests.length, 200)
    }
    assert.equal(running.output().match(/"msg":"serving thread has started"/g)?.length, 2)
    assert.equal(running.output().match(/"msg":"endpoint is healthy"/g)?.length, 1)
    assert.equal(running.output().match(/"msg":"gateway is drained"/g)?.length, 1)
  })

  it('refuses an invalid number of threads', async (t) => {
    const running = run(t, ['--threads', 'many'], { cwd: await folder() })
    assert.equal(await running.exit, 1)
    assert.match(running.output(), /--threads: must be a whole number or auto, not "many"/)
  })
})

describe('threads on one port', () => {
  const logger = pino({ level: 'silent' })

  it('do not share it with a server that listens already', async (t) => {
    const other = createServer()
    t.after(() => other.close())
    await new Promise<void>((resolve) =>
      other.listen({ host: '127.0.0.1', port: 0, reusePort: true }, resolve),
    )
    const address = other.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const config = parseConfig({ server: { host: '127.0.0.1', port } })
    await assert.rejects(serveOnThreads(2, { config, logger, writeLines: () => {} }), /EADDRINUSE/)
  })

  it('work on Linux; elsewhere one thread serves and the log says why', async () => {
    if (process.platform === 'linux') assert.equal(await whyNoSharedPort('127.0.0.1'), undefined)
    // An address that no interface has stands for a system that cannot.
    const nowhere = '203.0.113.1'
    assert.match((await whyNoSharedPort(nowhere)) ?? '', /EADDRNOTAVAIL/)
    const lines: string[] = []
    const log = pino({ level: 'warn' }, { write: (line) => void lines.push(line) })
    const config = parseConfig({ server: { host: nowhere, port: 0, threads: 2 } })
    await assert.rejects(start(config, { logger: log, requestLogger: log, write: () => {} }), /EADDRNOTAVAIL/)
    assert.equal(lines.length, 1)
    assert.match(
      lines[0] ?? '',
      /"threads":2,"reason":".*EADDRNOTAVAIL.*","msg":"threads cannot share a port on this system: one thread serves"/,
    )
  })

  it('are as many as the machine runs at once with auto', async () => {
    const config = parseConfig({ server: { host: '127.0.0.1', port: 0, threads: 'auto' } })
    const running = await start(config, { logger, requestLogger: logger, write: () => {} })
    const process = (await (await fetch(`${running.address}/internal/process`)).json()) as {
      runtime: { num_cpu: number; gomaxprocs: number }
    }
    assert.equal(process.runtime.gomaxprocs, process.runtime.num_cpu)
    assert.deepEqual(await running.close(), { drained: 0, cut: 0 })
    assert.deepEqual(await running.close(), { drained: 0, cut: 0 })
  })
})
