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

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

const connections = 64
const wrongKeys = 20_000
const perMinute = 60

/** Sends wrong keys, each of them another, as fast as they are answered. @returns answers by status */
async function flood(port: number, count: number): Promise<Map<string, number>> {
  const statuses = new Map<string, number>()
  let left = count
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.3' })
      await once(socket, 'connect')
      await new Promise<void>((done, fail) => {
        let text = ''
        const send = () => {
          if (left-- <= 0) {
            socket.destroy()
            done()
            return
          }
          socket.write(`GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${createKey()}\r\n\r\n`)
        }
        socket.on('error', fail)
        socket.on('data', (data: Buffer) => {
          text += data.toString('latin1')
          // The end of the body, an object of JSON.
          if (!text.endsWith('}}')) return
          const status = text.slice(9, 12)
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
          text = ''
          send()
        })
        send()
      })
    }),
  )
  return statuses
}

describe('thousands of wrong keys a second from one address', () => {
  it('are limited, keep nothing, and leave other clients alone', { timeout: 120_000 }, async (t) => {
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
    await flood(port, 15_000)
    collect()
    const before = process.memoryUsage().heapUsed
    const begun = performance.now()
    let isOver = false
    const flooded = flood(port, wrongKeys).finally(() => {
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
    collect()
    const grownBytes = process.memoryUsage().heapUsed - before
    assert.ok(grownBytes < 2_000_000, `${grownBytes} bytes after ${wrongKeys} keys`)
    const perSecond = Math.round((wrongKeys / tookMs) * 1_000)
    t.diagnostic(
      `${perSecond} wrong keys a second; ${others.length} chats of others; heap ${grownBytes} bytes`,
    )
  })
})
