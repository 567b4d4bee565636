import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { headerName } from '../../../src/http/headers/header-name.ts'

const groups = {
  /** Credentials and addresses: to no endpoint, whichever client sends them. */
  neverUp: [
    ...[
      'Authorization',
      'X-Api-Key',
      'Api-Key',
      'apikey',
      'X-Goog-Api-Key',
      'X-Portkey-Api-Key',
      'X-Admin-Key',
    ],
    ...['X-Access-Token', 'X-Auth-Key', 'X-Session-Token', 'X-Amz-Security-Token', 'CF-AIG-Authorization'],
    ...[
      'X-Serverless-Authorization',
      'X-Functions-Key',
      'Cf-Access-Jwt-Assertion',
      'X-LiteLLM-Key',
      'Helicone-Auth',
    ],
    ...['X_Api_Key', 'x_admin_key', 'Proxy-Authorization', 'Cookie'],
    ...['X-Real-IP', 'True-Client-IP', 'CF-Connecting-IP', 'X-Client-IP', 'X-Cluster-Client-IP', 'Client-IP'],
    ...[
      'X-NF-Client-Connection-IP',
      'X-Source-IP',
      'WL-Proxy-Client-IP',
      'Ali-CDN-Real-IP',
      'X-ProxyUser-IP',
    ],
    ...[
      'X-Sucuri-ClientIP',
      'X-Azure-SocketIP',
      'Remote-Addr',
      'X-Real-Client-IP',
      'X_Real_IP',
      'X-Peer-Address',
    ],
    ...['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', 'X-Original-URL', 'X-Rewrite-URL'],
  ],
  /** Only from a trusted proxy. */
  fromProxies: [
    ...['Forwarded', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Port', 'X-Forwarded-Prefix'],
    ...['X-Forwarded-User', 'X-Forwarded-Groups', 'X-Forwarded-Anything', 'Remote-User', 'Remote-Groups'],
    ...['X-Auth-Request-Groups', 'X-Authentik-Username', 'X-Pomerium-Claim-Email', 'Tailscale-User-Login'],
    ...[
      'X-Goog-Authenticated-User-Email',
      'X-Goog-IAP-JWT',
      'X-Amzn-Oidc-Data',
      'X-MS-Client-Principal-Name',
    ],
    ...[
      'Cf-Access-Authenticated-User-Email',
      'X-Consumer-Username',
      'X-Credential-Identifier',
      'X-Client-Cert',
    ],
    ...['X-SSL-Client-Verify', 'SSL-Client-Cert', 'X-ARR-ClientCert', 'X-Envoy-Internal', 'X-WebAuth-User'],
  ],
  /** What clients of these APIs send. */
  up: [
    ...[
      'Accept',
      'User-Agent',
      'anthropic-version',
      'anthropic-beta',
      'OpenAI-Organization',
      'OpenAI-Project',
    ],
    ...[
      'Idempotency-Key',
      'X-Request-ID',
      'X-Session-ID',
      'X-Stainless-OS',
      'traceparent',
      'HTTP-Referer',
      'X-Title',
    ],
    ...[
      'X-Client-Request-ID',
      'ChatGPT-Account-ID',
      'session_id',
      'X-LiteLLM-Tags',
      'X-User-ID',
      'X-Api-Version',
    ],
  ],
  neverDown: [
    ...[
      'Set-Cookie',
      'Set-Cookie2',
      'WWW-Authenticate',
      'Proxy-Authenticate',
      'Authentication-Info',
      'Alt-Svc',
    ],
    ...['Strict-Transport-Security', 'Clear-Site-Data', 'Report-To', 'NEL', 'Reporting-Endpoints', 'Refresh'],
    ...['X-Accel-Redirect', 'X-Sendfile', 'X-LiteSpeed-Location', 'Surrogate-Control', 'X-Olla-Endpoint'],
    ...['Service-Worker-Allowed', 'Proxy-Status', 'x_accel_redirect', 'X-Accel-Limit-Rate'],
  ],
  down: [
    ...[
      'Content-Type',
      'Cache-Control',
      'ETag',
      'Server',
      'Retry-After',
      'X-Request-Id',
      'openai-processing-ms',
    ],
    ...[
      'x-ratelimit-remaining-tokens',
      'Content-Disposition',
      'X-Accel-Buffering',
      'Content-Security-Policy',
    ],
  ],
} as const

describe('header names', () => {
  for (const name of groups.neverUp) {
    it(`${name} goes to no endpoint`, () => assert.equal(headerName(name).goesUp, false))
  }
  for (const name of groups.fromProxies) {
    it(`${name} is forwarded only from trusted proxies`, () => {
      const { role, goesUp } = headerName(name)
      assert.ok(goesUp)
      assert.ok(role === 'forwarded' || role === 'protocol' || role === 'host')
    })
  }
  for (const name of groups.up) {
    it(`${name} is forwarded`, () => {
      const { role, goesUp } = headerName(name)
      assert.deepEqual([goesUp, role], [true, undefined])
    })
  }
  for (const name of groups.neverDown) {
    it(`${name} reaches no client`, () => assert.equal(headerName(name).goesDown, false))
  }
  for (const name of groups.down) {
    it(`${name} reaches the client`, () => assert.equal(headerName(name).goesDown, true))
  }
})
