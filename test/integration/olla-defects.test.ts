/** Defects of Olla 0.0.29 (contract 16.2) that have no other home: each must not be here. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RateLimiter } from '../../src/admin/security/rate-limiter.ts'
import { SharedLimitStore } from '../../src/admin/security/shared-limit-store.ts'
import { parseConfig } from '../../src/config/load.ts'
import { postChat, startGateway } from '../support/gateway.ts'
import { chunk, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

describe('defects of Olla that the gateway does not have', () => {
  it('4: the lists of Lemonade and Docker Model Runner are answered', async (t) => {
    const lemonade = await withSimulator(t, { kind: 'lemonade', models: ['m'] })
    const dmr = await withSimulator(t, { kind: 'docker-model-runner', models: ['m'] })
    const gateway = await startGateway(t, [
      { url: lemonade.url, type: 'lemonade' },
      { url: dmr.url, type: 'dmr' },
    ])
    for (const path of ['/olla/lemonade/api/v1/models', '/olla/dmr/engines/v1/models']) {
      const response = await fetch(`${gateway.url}${path}`)
      assert.equal(response.status, 200, path)
      const { data } = (await response.json()) as { data: { id: string }[] }
      assert.deepEqual(
        data.map(({ id }) => id),
        ['m'],
      )
    }
  })

  for (const engine of engines) {
    it(`7: response_timeout ends a request that takes too long (${engine})`, async (t) => {
      const endless = await startRawUpstream(t, ({ socket }) => {
        socket.write(sseHead)
        const timer = setInterval(() => socket.write(chunk('data: 1\n\n')), 20)
        socket.on('close', () => clearInterval(timer))
      })
      const gateway = await startGateway(t, [{ url: endless.url }], {
        proxy: { ...engineOf(engine), response_timeout: '300ms' },
      })
      const response = await postChat(gateway.url, { stream: true })
      let text = ''
      await assert.rejects(async () => {
        const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
        for (;;) {
          const read = await reader?.read()
          if (read === undefined || read.done) return
          text += read.value
        }
      })
      assert.match(text, /upstream_timeout/)
    })
  }

  it('19: a generation of several minutes without streaming is within the limits', () => {
    const { proxy } = parseConfig({})
    const minutes = 60_000
    assert.ok(proxy.response_header_timeout >= 5 * minutes)
    assert.ok(proxy.read_timeout >= 5 * minutes)
    assert.ok(proxy.response_timeout >= 10 * minutes)
  })

  it('21: one bursting client does not use up the limits of others', () => {
    const limiter = new RateLimiter(new SharedLimitStore(64), {
      globalRequestsPerMinute: 1000,
      perIpRequestsPerMinute: 60,
      healthRequestsPerMinute: 0,
      burstSize: 5,
      globalBurstSize: 0,
    })
    let allowed = 0
    for (let request = 0; request < 100; request++)
      if (limiter.check('proxy', 'greedy', 0)?.allowed) allowed++
    assert.equal(allowed, 5)
    assert.equal(limiter.check('proxy', 'modest', 0)?.allowed, true)
  })
})
