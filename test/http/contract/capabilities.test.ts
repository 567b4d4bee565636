// A server that is none of ours offers capabilities, and an embedded gateway uses them.
import assert from 'node:assert/strict'
import { createServer, IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import Fastify from 'fastify'
import { importGraph } from '../../../docs/generate/house/import-graph.ts'
import {
  type BodyReceived,
  type ConnectionLimitObserver,
  kConnectionLimit,
  kDrain,
  kStrictHead,
  kTakeBody,
  kWriteParts,
  type PartsWriter,
} from '../../../src/http/contract/capabilities.ts'
import gateway, { parseConfig } from '../../../src/index.ts'
import type { BufferBudget } from '../../../src/kernel/memory/buffer-budget.ts'
import type { BodyKeeper } from '../../../src/kernel/memory/growing-body.ts'
import { chatBody } from '../../support/gateway.ts'
import { eventually, withSimulator } from '../../support/simulator.ts'

/** What the gateway has used of it. */
interface Used {
  bodies: number
  written: string[]
  drains: number
  readonly observers: ConnectionLimitObserver[]
}

function foreignServer(used: Used): (handler: RequestListener) => Server {
  class ForeignRequest extends IncomingMessage {
    readonly [kStrictHead] = true;

    [kTakeBody](_budget: BufferBudget, _keeper: BodyKeeper, received: BodyReceived): boolean {
      used.bodies++
      const pieces: Buffer[] = []
      this.on('data', (piece: Buffer) => pieces.push(piece))
      this.on('end', () => received(null, Buffer.concat(pieces)))
      return true
    }
  }

  class ForeignResponse<R extends IncomingMessage = IncomingMessage> extends ServerResponse<R> {
    get [kWriteParts](): PartsWriter {
      return {
        begin: (statusCode, headers) => {
          used.written.push('begin')
          this.writeHead(statusCode, [...headers])
        },
        send: (parts) => {
          used.written.push('send')
          return this.write(Buffer.concat(parts))
        },
        finish: (parts) => {
          used.written.push('finish')
          this.end(Buffer.concat(parts))
        },
        breakOff: (bytes, written) => void this.write(bytes, written),
      }
    }
  }

  return (handler) => {
    const options = { IncomingMessage: ForeignRequest, ServerResponse: ForeignResponse }
    return Object.assign(createServer(options, handler), {
      [kDrain]: () => {
        used.drains++
      },
      [kConnectionLimit]: {
        open: 0,
        max: 100,
        observe: (observer: ConnectionLimitObserver) => used.observers.push(observer),
        shortage: () => {},
      },
    })
  }
}

async function embedded(t: TestContext, used: Used) {
  const simulator = await withSimulator(t, { kind: 'vllm', models: ['m'] })
  const app = Fastify({ serverFactory: foreignServer(used) })
  const config = parseConfig({
    discovery: { static: { endpoints: [{ url: simulator.url, type: 'vllm' }] } },
  })
  await app.register(gateway, { config })
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => app.close())
  const { port } = app.server.address() as AddressInfo
  const ask = (isStream: boolean) =>
    fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: chatBody({ stream: isStream }),
    })
  await eventually(async () => (await ask(false)).status === 200)
  return { app, ask, url: `http://127.0.0.1:${port}` }
}

describe('the capabilities of a server', () => {
  it('are used if another server offers them', async (t) => {
    const used: Used = { bodies: 0, written: [], drains: 0, observers: [] }
    const { app, ask, url } = await embedded(t, used)
    used.bodies = 0
    used.written = []

    const answer = await ask(false)
    assert.equal(answer.status, 200)
    assert.match(await answer.text(), /"choices"/)
    assert.deepEqual([used.bodies, used.written], [1, ['begin', 'finish']])

    used.written = []
    assert.match(await (await ask(true)).text(), /\[DONE\]/)
    assert.equal(used.written[0], 'begin')
    assert.equal(used.written.at(-1), 'finish')

    assert.equal(used.observers.length, 1)
    used.observers[0]?.paused()
    const metrics = await (await fetch(`${url}/internal/metrics`)).text()
    assert.match(metrics, /olla_accept_pauses_total 1\b/)

    await app.close()
    assert.equal(used.drains, 1)
  })

  it('are all that other rooms import of the own server', () => {
    const users = importGraph(['src', 'plugins', 'routes'])
      .filter(({ from, to }) => to.startsWith('src/http/server/') && !from.startsWith('src/http/server/'))
      .map(({ from }) => from)
    assert.deepEqual(
      users.filter((from) => !from.startsWith('src/app/') && from !== 'src/http-server.ts'),
      [],
    )
  })
})
