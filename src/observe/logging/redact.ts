/** Query parameters whose values never reach a log (contract 9.5). */
const secretNames = ['api_key', 'token', 'access_token', 'key', 'password', 'secret', 'auth']
const secretParameters = new Set(secretNames)
/** Matches a secret or an escape that may hide its name; most queries have neither. */
const suspect = new RegExp(`[?&](?:${secretNames.join('|')})=|%`, 'i')

/** Replaces secret query values; returns the same string, without allocation, if there are none. */
export function redactQuery(url: string): string {
  const mark = url.indexOf('?')
  if (mark < 0 || !suspect.test(url)) return url
  const parameters = url.slice(mark + 1).split('&')
  return `${url.slice(0, mark)}?${parameters.map(redactParameter).join('&')}`
}

function redactParameter(parameter: string): string {
  const equals = parameter.indexOf('=')
  if (equals < 0) return parameter
  const name = parameter.slice(0, equals)
  return secretParameters.has(decodeName(name)) ? `${name}=[redacted]` : parameter
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name).toLowerCase()
  } catch {
    return name.toLowerCase()
  }
}

/** Paths of log records whose values pino replaces. */
export const redactedPaths = [
  'authorization',
  'cookie',
  '*.authorization',
  '*.cookie',
  '*["x-api-key"]',
  '*["x-auth-token"]',
  'req.headers.authorization',
  'req.headers.cookie',
  'req.headers["x-api-key"]',
  'req.headers["x-auth-token"]',
  'token',
  'password',
  'api_key',
]
