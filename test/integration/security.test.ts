import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chatBody, postChat, rawExchange, startGateway } from '../support/gateway.ts'
import { jsonAnswer, startRawUpstream } from '../support/raw-upstream.ts'

const json = { 'content-type': 'application/json' }

async function withLimits(t: Parameters<typeof startGateway>[0], server: Record<string, unknown>) {
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
  const gateway = await startGateway(t, [{ url: upstream.url }], { server })
  return { upstream, gateway }
}

describe('rate limits', () => {
  const limits = (limit: Record<string, unknown>) => ({
    rate_limits: {
      global_requests_per_minute: 0,
      per_ip_requests_per_minute: 0,
      health_requests_per_minute: 0,
      ...limit,
    },
  })

  it('refuse beyond the burst with true headers, a request ID and the dialect of the API', async (t) => {
    const { gateway, upstream } = await withLimits(
      t,
      limits({ per_ip_requests_per_minute: 60, burst_size: 3 }),
    )
    const remaining: (string | null)[] = []
    for (let request = 0; request < 3; request++) {
      const response = await postChat(gateway.url)
      assert.equal(response.status, 200)
      remaining.push(response.headers.get('x-ratelimit-remaining'))
    }
    assert.deepEqual(remaining, ['2', '1', '0'])
    const refused = await postChat(gateway.url)
    assert.equal(refused.status, 429)
    assert.equal(refused.headers.get('retry-after'), '1')
    assert.equal(refused.headers.get('x-ratelimit-limit'), '60')
    assert.ok(refused.headers.get('x-olla-request-id'))
    const body = (await refused.json()) as { error: { code: string; type: string } }
    assert.deepEqual([body.error.code, body.error.type], ['rate_limited', 'rate_limit_error'])
    assert.equal(upstream.requests.length, 3)
    const status = (await (await fetch(`${gateway.url}/internal/status`)).json()) as {
      security: { violations: { rate_limits: number }; blocked_ips: number }
    }
    assert.equal(status.security.violations.rate_limits, 1)
    assert.equal(status.security.blocked_ips, 1)
  })

  it('apply to every documented class of routes', async (t) => {
    const { gateway } = await withLimits(t, limits({ per_ip_requests_per_minute: 60, burst_size: 1 }))
    await postChat(gateway.url)
    for (const path of ['/v1/messages', '/api/chat', '/olla/proxy/x', '/olla/openai/v1/chat/completions']) {
      const response = await fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: json,
        body: chatBody(),
      })
      assert.equal(response.status, 429, path)
    }
    assert.equal((await fetch(`${gateway.url}/internal/health`)).status, 200)
  })

  it('apply to the status routes with their own limit', async (t) => {
    const { gateway } = await withLimits(t, limits({ health_requests_per_minute: 1, burst_size: 100 }))
    const answers = await Promise.all(Array.from({ length: 120 }, () => fetch(`${gateway.url}/version`)))
    assert.ok(answers.some(({ status }) => status === 429))
    assert.equal((await postChat(gateway.url)).status, 200)
  })

  it('never apply to liveness and readiness', async (t) => {
    const { gateway } = await withLimits(t, limits({ health_requests_per_minute: 1, burst_size: 1 }))
    await Promise.all(Array.from({ length: 120 }, () => fetch(`${gateway.url}/version`)))
    assert.equal((await fetch(`${gateway.url}/version`)).status, 429)
    for (let probe = 0; probe < 5; probe++) {
      assert.equal((await fetch(`${gateway.url}/internal/health`)).status, 200)
      assert.equal((await fetch(`${gateway.url}/internal/ready`)).status, 200)
      assert.notEqual((await fetch(`${gateway.url}/internal/ui/`)).status, 429)
    }
  })

  it('do not apply to bodies if max_body_size is 0', async (t) => {
    const { gateway } = await withLimits(t, { request_limits: { max_body_size: 0 } })
    const long = { ...JSON.parse(chatBody()), padding: 'x'.repeat(2_000_000) }
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify(long),
    })
    assert.equal(response.status, 200)
  })

  it('add no headers if they are off', async (t) => {
    const { gateway } = await withLimits(t, {})
    const response = await postChat(gateway.url)
    assert.equal(response.headers.get('x-ratelimit-limit'), null)
  })
})

describe('size limits', () => {
  it('refuse a body by its announced length, before reading it', async (t) => {
    const { gateway, upstream } = await withLimits(t, { request_limits: { max_body_size: 1000 } })
    const answer = await rawExchange(
      gateway.port,
      'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{',
    )
    assert.match(answer, /^HTTP\/1\.1 413 /)
    assert.match(answer, /x-olla-request-id: /i)
    assert.match(answer, /"code":"payload_too_large"/)
    assert.equal(upstream.requests.length, 0)
  })

  it('refuse a chunked body when it grows too large', async (t) => {
    const { gateway, upstream } = await withLimits(t, { request_limits: { max_body_size: 1000 } })
    const block = 'x'.repeat(800)
    const answer = await rawExchange(
      gateway.port,
      `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n320\r\n${block}\r\n320\r\n${block}\r\n0\r\n\r\n`,
    )
    assert.match(answer, /^HTTP\/1\.1 413 /)
    assert.equal(upstream.requests.length, 0)
    const status = (await (await fetch(`${gateway.url}/internal/status`)).json()) as {
      security: { violations: { size_limits: number } }
    }
    assert.equal(status.security.violations.size_limits, 1)
  })

  it('refuse a head that is too large', async (t) => {
    const { gateway } = await withLimits(t, { request_limits: { max_header_size: 4096 } })
    const response = await fetch(`${gateway.url}/v1/models`, { headers: { 'x-long': 'x'.repeat(5000) } })
    assert.equal(response.status, 431)
    assert.ok(response.headers.get('x-olla-request-id'))
  })
})

describe('client addresses', () => {
  it('are not accepted from untrusted peers', async (t) => {
    const { gateway, upstream } = await withLimits(t, {})
    await postChat(
      gateway.url,
      {},
      { method: 'POST', body: chatBody(), headers: { ...json, 'x-forwarded-for': '6.6.6.6' } },
    )
    assert.match(upstream.requests[0]?.head ?? '', /x-forwarded-for: 127\.0\.0\.1\r?$/im)
  })

  it('are accepted from trusted proxies, right-most first', async (t) => {
    const { gateway, upstream } = await withLimits(t, {
      rate_limits: {
        global_requests_per_minute: 0,
        per_ip_requests_per_minute: 60,
        health_requests_per_minute: 0,
        burst_size: 1,
        trust_proxy_headers: true,
        trusted_proxy_cidrs: ['127.0.0.0/8', '10.0.0.0/8'],
      },
    })
    const as = (forwarded: string) =>
      postChat(
        gateway.url,
        {},
        { method: 'POST', body: chatBody(), headers: { ...json, 'x-forwarded-for': forwarded } },
      )
    assert.equal((await as('6.6.6.6, 203.0.113.1, 10.1.1.1')).status, 200)
    assert.equal(
      (await as('7.7.7.7, 203.0.113.1')).status,
      429,
      'the left-most address is the client’s invention',
    )
    assert.equal((await as('203.0.113.2')).status, 200)
    assert.match(
      upstream.requests[0]?.head ?? '',
      /x-forwarded-for: 6\.6\.6\.6, 203\.0\.113\.1, 10\.1\.1\.1, 127\.0\.0\.1/i,
    )
  })
})

describe('cross-origin requests', () => {
  it('are answered if enabled: preflight by the gateway, requests with headers', async (t) => {
    const { gateway, upstream } = await withLimits(t, {
      cors: { enabled: true, allowed_origins: ['https://app.example'] },
    })
    const preflight = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-custom',
      },
    })
    assert.equal(preflight.status, 200)
    assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://app.example')
    assert.equal(preflight.headers.get('access-control-allow-headers'), 'x-custom')
    assert.equal(preflight.headers.get('access-control-max-age'), '300')
    assert.equal(upstream.requests.length, 0)
    const response = await postChat(
      gateway.url,
      {},
      { method: 'POST', body: chatBody(), headers: { ...json, origin: 'https://app.example' } },
    )
    assert.equal(response.headers.get('access-control-allow-origin'), 'https://app.example')
    assert.match(
      response.headers.get('access-control-expose-headers') ?? '',
      /X-Olla-Endpoint.*X-RateLimit-Remaining.*Retry-After/,
    )
    const stranger = await postChat(
      gateway.url,
      {},
      { method: 'POST', body: chatBody(), headers: { ...json, origin: 'https://evil.example' } },
    )
    assert.equal(stranger.headers.get('access-control-allow-origin'), null)
  })

  it('forward an OPTIONS request that is not a preflight', async (t) => {
    const { gateway, upstream } = await withLimits(t, { cors: { enabled: true } })
    await fetch(`${gateway.url}/olla/proxy/x`, { method: 'OPTIONS' })
    assert.equal(upstream.requests.length, 1)
  })

  it('are not answered if disabled', async (t) => {
    const { gateway } = await withLimits(t, {})
    const response = await postChat(
      gateway.url,
      {},
      { method: 'POST', body: chatBody(), headers: { ...json, origin: 'https://a.example' } },
    )
    assert.equal(response.headers.get('access-control-allow-origin'), null)
  })
})

describe('bodies', () => {
  it('that are declared as JSON but are not are refused in the dialect', async (t) => {
    const { gateway, upstream } = await withLimits(t, {})
    const openai = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: json,
      body: '{"model":',
    })
    assert.equal(openai.status, 400)
    assert.equal(((await openai.json()) as { error: { code: string } }).error.code, 'invalid_json')
    const anthropic = await fetch(`${gateway.url}/v1/messages`, {
      method: 'POST',
      headers: json,
      body: 'nope',
    })
    assert.equal(
      ((await anthropic.json()) as { error: { type: string } }).error.type,
      'invalid_request_error',
    )
    assert.equal(upstream.requests.length, 0)
  })
})
