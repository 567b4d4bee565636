/**
 * The dashboard at `/internal/ui/`, prebuilt files from the package (`@fastify/static`), and the login form for the
 * admin token.
 */
import fastifyStatic from '@fastify/static'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { findAsset } from '../../src/admin/dashboard/assets.ts'
import { loginPage, loginPolicy } from '../../src/admin/dashboard/login-page.ts'
import { sessionCookie } from '../../src/admin/security/admin-token.ts'
import { isCrossSite } from '../../src/admin/security/cross-site.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { dashboardFolder } from '../../src/kernel/package.ts'
import { chooseCoding } from './compression.ts'
import { matchesTag } from './etag.ts'

export interface DashboardOptions {
  /** Folder of the built dashboard. Defaults to the package's. */
  readonly folder?: string
  readonly clock?: Clock
}

/** Allows resources from this origin only; scripts may set styles of elements, nothing more. */
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

/** Enough for an admin token and the name of its field. */
const formBytes = 4096

export default fp<DashboardOptions>(
  async function dashboard(app, options) {
    const { folder = dashboardFolder, clock = systemClock } = options
    const { token } = app.internalAccess
    const base = `${app.prefix}/internal/ui`

    await app.register(fastifyStatic, {
      root: folder,
      serve: false,
      preCompressed: true,
      // The route below sets `ETag` and caching; the dashboard may not be built yet.
      etag: false,
      lastModified: false,
      cacheControl: false,
      acceptRanges: false,
      suppressWarning: true,
    })
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
      { config: { internalAccess: 'page', isUnlimited: true }, onSend: registeredScriptType },
      async (request, reply) => {
        const { headers, params } = request
        const asset = await findAsset(folder, params['*'], (codings) =>
          chooseCoding(headers['accept-encoding'], codings),
        )
        protect(reply, pagePolicy)
        if (asset === undefined) {
          return reply
            .code(503)
            .type('text/plain; charset=utf-8')
            .send('The dashboard is not built: run `npm run build:dashboard`.\n')
        }
        const { name, coding, tag, isImmutable } = asset
        reply
          .header('ETag', tag)
          .header('Vary', 'Accept-Encoding')
          .header('Cache-Control', isImmutable ? 'private, max-age=31536000, immutable' : 'private, no-cache')
        if (matchesTag(headers['if-none-match'], tag)) return reply.code(304).send()
        // @fastify/static reads `*` as gzip even if gzip is refused, and does not know the tag: pass it the chosen
        // coding.
        headers['accept-encoding'] = coding
        headers['if-match'] = undefined
        headers['if-unmodified-since'] = undefined
        return reply.sendFile(name)
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
        const session = (app.internalAccess.token ?? token).createSession(clock.nowMs())
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

/** An `onSend` hook: `mime` 3 still has the type that RFC 9239 made obsolete. */
async function registeredScriptType(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (reply.getHeader('content-type') === 'application/javascript; charset=utf-8') {
    reply.type('text/javascript; charset=utf-8')
  }
}

/** `same-origin` instead of no referrer: without a referrer, forms are sent with `Origin: null`. */
function protect(reply: FastifyReply, policy: string): FastifyReply {
  return reply
    .header('Content-Security-Policy', policy)
    .header('X-Content-Type-Options', 'nosniff')
    .header('X-Frame-Options', 'DENY')
    .header('Referrer-Policy', 'same-origin')
    .header('Cross-Origin-Opener-Policy', 'same-origin')
    .header('Cross-Origin-Resource-Policy', 'same-origin')
}
