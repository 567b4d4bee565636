import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createKey } from '../../src/callers/keys/key-text.ts'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

const connections = 32
const wrongKeys = 20_000
const perMinute = 60

/** Requests with wrong keys, each of them another, in batches. */
function wrongRequests(count: number, batchSize: number): Buffer[] {
  return Array.from({ length: count / batchSize }, () => {
    const requests = Array.from(
      { length: batchSize },
      () => `GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${createKey()}\r\n\r\n`,
    )
    return Buffer.from(requests.join(''))
  })
}

/** Sends batches as fast as they are answered. @returns answers by status */
async function flood(port: number, batches: Buffer[], batchSize: number): Promise<Map<string, number>> {
  const statuses = new Map<string, number>()
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.3' })
      await once(socket, 'connect')
      await new Promise<void>((done, fail) => {
        let rest = ''
        let answers = 0
        const send = () => {
          const next = batches.pop()
          answers = 0
          if (next !== undefined) socket.write(next)
          else {
            socket.destroy()
            done()
          }
        }
        socket.on('error', fail)
        socket.on('close', () => fail(new Error('the gateway has closed the connection')))
        socket.on('data', (data: Buffer) => {
          const text = rest + data.toString('latin1')
          let read = 0
          for (let at = text.indexOf(line); at >= 0; at = text.indexOf(line, read)) {
            // A status line may be divided.
            if (at + line.length + 3 > text.length) break
            read = at + line.length + 3
            const status = text.slice(read - 3, read)
            statuses.set(status, (statuses.get(status) ?? 0) + 1)
            answers++
          }
          rest = text.slice(Math.max(read, text.length - line.length - 2))
          if (answers === batchSize) send()
        })
        send()
      })
    }),
  )
  return statuses
}

const line = 'HTTP/1.1 '

describe('ten thousand wrong keys a second from one address', () => {
  for (const [name, batchSize] of [
    ['one after another', 1],
    ['25 at once on each connection', 25],
  ] as const) {
    it(`are limited, keep nothing, and leave other clients alone: ${name}`, {
      timeout: 120_000,
    }, async (t) => {
      const usage = { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 }
      const endpoint = await startScriptedEndpoint(t, ['m'], () => ({
        body: { id: 'x', choices: [], usage },
      }))
      const { key, entry } = configuredKey('ci')
      const callers = { secret: callersSecret, keys: [entry], wrong_keys_per_minute: perMinute }
      const gateway = await startGateway(t, [{ url: endpoint.url }], { callers })
      const port = Number(new URL(gateway.url).port)
      const chat = async () => {
        const response = await fetch(`${gateway.url}/v1/chat/completions`, {
          method: 'POST',
          headers: bearer(key),
          body: JSON.stringify({ model: 'm', messages: [] }),
        })
        await response.text()
        return response.status
      }
      assert.equal(await chat(), 200)
      // What is made once is there after the first ones.
      await flood(port, wrongRequests(15_000, batchSize), batchSize)
      const batches = wrongRequests(wrongKeys, batchSize)
      collect()
      const before = process.memoryUsage().heapUsed
      const begun = performance.now()
      let isOver = false
      const flooded = flood(port, batches, batchSize).finally(() => {
        isOver = true
      })
      const others: number[] = []
      while (!isOver) {
        others.push(await chat())
        await wait(20)
      }
      const statuses = await flooded
      const tookMs = performance.now() - begun
      const minutes = tookMs / 60_000
      const [refused = 0, limited = 0] = ['401', '429'].map((status) => statuses.get(status))
      assert.equal(refused + limited, wrongKeys, JSON.stringify([...statuses]))
      assert.ok(refused <= perMinute * (1 + minutes) + 1, `${refused} of ${perMinute} a minute`)
      assert.ok(others.length >= 3, String(others.length))
      assert.deepEqual(new Set(others), new Set([200]))
      let grownBytes = Number.POSITIVE_INFINITY
      // The last connections and answers end a moment later; what is kept for each key stays.
      await eventually(
        () => {
          collect()
          grownBytes = process.memoryUsage().heapUsed - before
          return grownBytes < 2_000_000
        },
        { intervalMs: 200 },
      ).catch(() => assert.fail(`${grownBytes} bytes after ${wrongKeys} keys`))
      const perSecond = Math.round((wrongKeys / tookMs) * 1_000)
      t.diagnostic(
        `${perSecond} wrong keys a second; ${others.length} chats of others; heap ${grownBytes} bytes`,
      )
    })
  }
})
