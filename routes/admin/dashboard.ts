/**
 * The page at `/internal/ui/`, prebuilt files from the package, and the form for the admin token. The files are
 * read at the first request, so that a gateway whose dashboard is not used holds none of them.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import {
  type Asset,
  chooseCoding,
  indexName,
  loadAssets,
  strongTag,
} from '../../src/admin/dashboard/assets.ts'
import { loginPage, loginPolicy } from '../../src/admin/dashboard/login-page.ts'
import { sessionCookie } from '../../src/admin/security/admin-token.ts'
import { isCrossSite } from '../../src/admin/security/cross-site.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { matchesTag } from './etag.ts'

export interface DashboardOptions {
  /** Folder of the built page. */
  readonly folder: string
  readonly clock?: Clock
}

/** Everything from here and nothing else; scripts may set styles of elements, and no more. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** An admin token and the name of its field, with room. */
const formBytes = 4096

export default fp<DashboardOptions>(
  function dashboard(app, options, done) {
    const clock = options.clock ?? systemClock
    const { token } = app.internalAccess
    const base = `${app.prefix}/internal/ui`
    let assets: Promise<ReadonlyMap<string, Asset> | undefined> | undefined

    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, payload, parsed) => {
      payload.resume()
      parsed(null)
    })
    app.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string' },
      (_request, body, parsed) => parsed(null, new URLSearchParams(String(body))),
    )

    app.get('/internal/ui', { config: { internalAccess: 'open', isUnlimited: true } }, (_request, reply) =>
      reply.redirect(`${base}/`, 307),
    )
    app.get<{ Params: { '*': string } }>(
      '/internal/ui/*',
      { config: { internalAccess: 'page', isUnlimited: true } },
      async (request, reply) => {
        const files = await builtFiles()
        if (files === undefined) {
          return protect(reply, pagePolicy)
            .code(503)
            .type('text/plain; charset=utf-8')
            .send('The dashboard is not built: run `npm run build:dashboard`.\n')
        }
        const asset = files.get(request.params['*']) ?? files.get(indexName)
        return asset === undefined ? reply.callNotFound() : sendAsset(request, reply, asset)
      },
    )
    app.route({
      method: app.supportedMethods.filter((method) => method !== 'GET' && method !== 'HEAD'),
      url: '/internal/ui/*',
      config: { internalAccess: 'gated' },
      handler: (_request, reply) =>
        protect(reply, pagePolicy)
          .code(405)
          .header('Allow', 'GET, HEAD')
          .type('text/plain')
          .send('Method Not Allowed\n'),
    })
    if (token !== undefined) {
      const config = { internalAccess: 'open' } as const
      const form = { config, bodyLimit: formBytes }
      app.get('/internal/ui/login', { config }, (_request, reply) => sendForm(reply))
      app.post('/internal/ui/login', form, (request, reply) => {
        const { headers, body } = request
        const shown = body instanceof URLSearchParams ? (body.get('token') ?? '') : ''
        if (isForeign(request)) return sendForm(reply.code(403), 'The form was sent from another site.')
        const decision = app.internalAccess.compare(shown.trim(), request)
        if (!decision.allowed) {
          if (decision.retryAfterSeconds === undefined)
            return sendForm(reply.code(401), 'This is not the token.')
          reply.code(429).header('Retry-After', decision.retryAfterSeconds)
          return sendForm(reply, `Too many wrong tokens. Try again in ${decision.retryAfterSeconds} seconds.`)
        }
        const isSecure = request.protocol === 'https' || headers['x-forwarded-proto'] === 'https'
        const session = token.createSession(clock.nowMs())
        return reply
          .header('Set-Cookie', sessionCookie(session, { path: `${app.prefix}/internal`, isSecure }))
          .redirect(`${base}/`, 303)
      })
      app.post('/internal/ui/logout', form, (request, reply) => {
        if (isForeign(request)) return sendForm(reply.code(403), 'The form was sent from another site.')
        return reply
          .header('Set-Cookie', sessionCookie(undefined, { path: `${app.prefix}/internal`, isSecure: false }))
          .redirect(`${base}/login`, 303)
      })
    }
    done()

    /** A page that is built while the gateway runs needs no restart. */
    async function builtFiles() {
      assets ??= loadAssets(options.folder)
      const files = await assets
      if (files === undefined) assets = undefined
      return files
    }
  },
  {
    name: 'gateway-routes-dashboard',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-internal-access'],
  },
)

function isForeign({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site']
  return isCrossSite({
    secFetchSite: Array.isArray(site) ? site[0] : site,
    origin: headers.origin,
    host: headers.host,
  })
}

function sendForm(reply: FastifyReply, problem?: string): FastifyReply {
  return protect(reply, loginPolicy)
    .header('Cache-Control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(loginPage(problem))
}

function sendAsset(request: FastifyRequest, reply: FastifyReply, asset: Asset): FastifyReply {
  const coding = chooseCoding(asset, request.headers['accept-encoding']?.toString())
  const tag = strongTag(asset, coding)
  protect(reply, pagePolicy)
    .header('ETag', tag)
    .header('Vary', 'Accept-Encoding')
    .header('Cache-Control', asset.isImmutable ? 'private, max-age=31536000, immutable' : 'private, no-cache')
  if (matchesTag(request.headers['if-none-match'], tag)) return reply.code(304).send()
  if (coding !== 'identity') reply.header('Content-Encoding', coding)
  return reply.type(asset.contentType).send(asset.bodies.get(coding))
}

/** `same-origin` rather than no referrer at all: without one, forms are sent with `Origin: null`. */
function protect(reply: FastifyReply, policy: string): FastifyReply {
  return reply
    .header('Content-Security-Policy', policy)
    .header('X-Content-Type-Options', 'nosniff')
    .header('X-Frame-Options', 'DENY')
    .header('Referrer-Policy', 'same-origin')
    .header('Cross-Origin-Opener-Policy', 'same-origin')
    .header('Cross-Origin-Resource-Policy', 'same-origin')
}
