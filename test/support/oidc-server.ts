import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'

export interface OidcServer {
  readonly issuer: string
  readonly audience: string
  /** Fetches of the discovery document and of the keys. */
  readonly fetches: { discovery: number; keys: number }
  /** How it answers; `away` closes connections. */
  mode: 'serves' | 'away' | 'fails' | 'floods'
  /** Public keys as it serves them. */
  keys: JWK[]
  /** Makes a new key, which signs from now on. */
  rotate(options?: { readonly keepsOld?: boolean; readonly algorithm?: string }): Promise<void>
  /** Signs a token that is valid, but for what is given. */
  sign(claims?: JWTPayload, header?: Readonly<Record<string, unknown>>): Promise<string>
}

/** A local OIDC provider that signs real tokens. */
export async function startOidcServer(t: TestContext): Promise<OidcServer> {
  let current: { key: CryptoKey; kid: string; alg: string } | undefined
  let made = 0
  const server = createServer((request, response) => {
    const isKeys = request.url === '/keys'
    oidc.fetches[isKeys ? 'keys' : 'discovery']++
    if (oidc.mode === 'away') {
      request.socket.destroy()
      return
    }
    response.statusCode = oidc.mode === 'fails' ? 500 : 200
    response.setHeader('content-type', 'application/json')
    if (oidc.mode === 'floods') {
      response.end(' '.repeat(3_000_000))
      return
    }
    response.end(
      JSON.stringify(isKeys ? { keys: oidc.keys } : { issuer: oidc.issuer, jwks_uri: `${oidc.issuer}/keys` }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const oidc: OidcServer = {
    issuer,
    audience: 'gateway',
    fetches: { discovery: 0, keys: 0 },
    mode: 'serves',
    keys: [],
    async rotate({ keepsOld = true, algorithm = 'ES256' } = {}) {
      const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
      const kid = `key-${++made}`
      const jwk = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' }
      oidc.keys = keepsOld ? [...oidc.keys, jwk] : [jwk]
      current = { key: privateKey, kid, alg: algorithm }
    },
    async sign(claims = {}, header = {}) {
      if (current === undefined) throw new Error('it has no key')
      const nowSeconds = Math.floor(Date.now() / 1000)
      return new SignJWT({
        iss: issuer,
        aud: oidc.audience,
        sub: 'user-1',
        iat: nowSeconds,
        exp: nowSeconds + 300,
        ...claims,
      })
        .setProtectedHeader({ alg: current.alg, kid: current.kid, ...header })
        .sign(current.key)
    },
  }
  await oidc.rotate()
  return oidc
}
