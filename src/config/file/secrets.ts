import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { minSecretLength } from '../schema/callers-schema.ts'
import { minTokenLength } from '../schema/dashboard-schema.ts'
import type { KeyPath, Problem } from '../schema/diagnostics.ts'
import type { IssuerConfig } from '../schema/identity-schema.ts'
import type { EndpointConfig, GatewayConfig } from '../schema/schema.ts'
import { isBrokenKey, minWebhookSecretLength } from '../schema/webhooks-schema.ts'

/** Keys of an endpoint's credentials that a separate file may hold. */
export const secretKeys = ['token', 'key', 'username', 'password'] as const

/** The same of the section `cluster`. */
export const clusterSecretKeys = ['password', 'sentinel_password'] as const

/**
 * Reads all `*_file` secrets.
 * @param folder base of relative paths
 * @returns the configuration with inline secrets, and problems with files that cannot be read
 */
export function readSecrets(
  config: GatewayConfig,
  folder: string,
): { config: GatewayConfig; problems: Problem[] } {
  const problems: Problem[] = []
  const endpoints = config.discovery.static.endpoints.map((endpoint, index) => {
    const { auth } = endpoint
    if (auth === undefined) return endpoint
    const resolved = { ...auth }
    for (const key of secretKeys) {
      const file = auth[`${key}_file`]
      if (file === undefined) continue
      const secret = readSecretFile(resolve(folder, file))
      if (secret === undefined || secret === '') {
        const path = ['discovery', 'static', 'endpoints', index, 'auth', `${key}_file`]
        const message = secret === '' ? `the file ${file} is empty` : `the file ${file} cannot be read`
        problems.push({ severity: 'error', path, message })
      } else {
        resolved[key] = secret
        // Makes the path absolute, so that the file can be read again from any directory.
        resolved[`${key}_file`] = resolve(folder, file)
      }
    }
    return { ...endpoint, auth: resolved }
  })
  /** @returns undefined, with a problem, if the file holds no secret of that length */
  const secretOf = (file: string, what: string, minLength: number, path: KeyPath) => {
    const secret = readSecretFile(resolve(folder, file))
    if (secret !== undefined && secret.length >= minLength) return secret
    const message =
      secret === undefined
        ? `the file ${file} cannot be read`
        : `the ${what} in ${file} is shorter than ${minLength} characters`
    problems.push({ severity: 'error', path, message })
    return undefined
  }
  const dashboard = { ...config.dashboard }
  if (dashboard.admin_token_file !== undefined) {
    const path = ['dashboard', 'admin_token_file']
    const token = secretOf(dashboard.admin_token_file, 'token', minTokenLength, path)
    if (token !== undefined) dashboard.admin_token = token
  }
  const callers = { ...config.callers }
  if (callers.secret_file !== undefined) {
    const path = ['callers', 'secret_file']
    const secret = secretOf(callers.secret_file, 'secret', minSecretLength, path)
    if (secret !== undefined) callers.secret = secret
  }
  const cluster = { ...config.cluster }
  for (const key of clusterSecretKeys) {
    const file = cluster[`${key}_file`]
    if (file === undefined) continue
    const secret = secretOf(file, 'password', 1, ['cluster', `${key}_file`])
    if (secret === undefined) continue
    cluster[key] = secret
    // For reading it again from any directory.
    cluster[`${key}_file`] = resolve(folder, file)
  }
  callers.webhooks = callers.webhooks.map((webhook, index) => {
    const { secret_file: file } = webhook
    if (file === undefined) return webhook
    const path = ['callers', 'webhooks', index, 'secret_file']
    const secret = secretOf(file, 'secret', minWebhookSecretLength, path)
    if (secret === undefined) return webhook
    if (isBrokenKey(secret))
      problems.push({ severity: 'error', path, message: `the secret in ${file} is not base64 after whsec_` })
    return { ...webhook, secret }
  })
  return { config: { ...withEndpoints(config, endpoints), dashboard, callers, cluster }, problems }
}

/**
 * Reads an endpoint's `*_file` secrets again.
 * @returns the endpoint with the current secrets; undefined if it has no such files or if one cannot be read
 */
export function rereadSecrets(endpoint: EndpointConfig): EndpointConfig | undefined {
  const { auth } = endpoint
  if (auth === undefined) return undefined
  const resolved = { ...auth }
  let hasFiles = false
  for (const key of secretKeys) {
    const file = auth[`${key}_file`]
    if (file === undefined) continue
    const secret = readSecretFile(file)
    if (secret === undefined || secret === '') return undefined
    resolved[key] = secret
    hasFiles = true
  }
  return hasFiles ? { ...endpoint, auth: resolved } : undefined
}

/** Removes a final line break, which editors add. @returns undefined if the file cannot be read */
export function readSecretFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch {
    return undefined
  }
}

const mask = '[secret]'
/** URLs whose queries may contain keys of a service. */
const urlKeys = ['url', 'health_check_url', 'model_url'] as const

/** The configuration without credentials, values of static headers and queries of URLs, safe to display. */
export function maskSecrets(config: GatewayConfig): GatewayConfig {
  const endpoints = config.discovery.static.endpoints.map((given) => {
    const headers = Object.fromEntries(Object.keys(given.headers).map((name) => [name, mask]))
    const endpoint = { ...given, headers }
    for (const key of urlKeys) {
      const url = given[key]
      if (url !== undefined) endpoint[key] = url.replace(/\?.*$/s, `?${mask}`)
    }
    if (endpoint.auth === undefined) return endpoint
    const auth = { ...endpoint.auth }
    for (const key of secretKeys) if (auth[key] !== undefined) auth[key] = mask
    return { ...endpoint, auth }
  })
  const { dashboard, callers, cluster } = config
  const masked = {
    ...config,
    dashboard: dashboard.admin_token === undefined ? dashboard : { ...dashboard, admin_token: mask },
    callers: {
      ...callers,
      store: withoutPassword(callers.store),
      keys: callers.keys.map((key) => ({ ...key, hash: mask })),
      jwt: Array.isArray(callers.jwt) ? callers.jwt.map(withMaskedQuery) : withMaskedQuery(callers.jwt),
      webhooks: callers.webhooks.map(maskedWebhook),
      ...(callers.secret === undefined ? {} : { secret: mask }),
    },
    cluster: {
      ...cluster,
      redis: withoutPassword(cluster.redis),
      nodes: cluster.nodes.map(withoutPassword),
      ...(cluster.password === undefined ? {} : { password: mask }),
      ...(cluster.sentinel_password === undefined ? {} : { sentinel_password: mask }),
    },
  }
  return withEndpoints(masked, endpoints)
}

/** Some services have a secret in the path of their URL. */
function maskedWebhook(webhook: GatewayConfig['callers']['webhooks'][number]) {
  return {
    ...webhook,
    url: webhook.url.replace(/^(\w+:\/\/[^/?#]*).*$/s, `$1/${mask}`),
    ...(webhook.secret === undefined ? {} : { secret: mask }),
  }
}

function withMaskedQuery(jwt: IssuerConfig): IssuerConfig {
  if (jwt.jwks_url === undefined) return jwt
  return { ...jwt, jwks_url: jwt.jwks_url.replace(/\?.*$/s, `?${mask}`) }
}

/** A database URL without the password and options that may hold one. */
function withoutPassword(store: string): string {
  return store.replace(/^(\w+:\/\/[^/:@]*):.*@/s, `$1:${mask}@`).replace(/\?.*$/s, `?${mask}`)
}

function withEndpoints(config: GatewayConfig, endpoints: EndpointConfig[]): GatewayConfig {
  return { ...config, discovery: { ...config.discovery, static: { ...config.discovery.static, endpoints } } }
}
