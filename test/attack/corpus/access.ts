/** A request that must not reach an endpoint, nor what is gated. */
export interface Trespass {
  readonly family: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

const inference = [
  '/v1/chat/completions',
  '/olla/proxy/v1/completions',
  '/api/generate',
  '/olla/anthropic/v1/messages',
]
const origins = [
  'http://evil.example',
  'https://evil.example',
  'http://evil.example:40114',
  'HTTP://EVIL.EXAMPLE',
  'null',
  'http://localhost.evil.example',
  'http://127.0.0.1.evil.example',
  'http://localhost@evil.example',
  'http://evil.example/http://localhost',
  'http://evil.example#localhost',
  'chrome-extension://abcdef',
  'http://evillocalhost.example',
  'data:',
  'blob:http://evil.example',
]
const sites = ['cross-site', 'same-site', 'Cross-Site']
const names = [
  'evil.example',
  'evil.example:40114',
  'EVIL.example',
  'evil.example.',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  'evil.example:',
  'xn--evl-fma.example',
  'local.host.example',
]

/** Operations that change an endpoint, as engines name them. */
const management: ReadonlyArray<readonly [string, string]> = [
  ['POST', '/api/pull'],
  ['POST', '/api/push'],
  ['POST', '/api/create'],
  ['POST', '/api/copy'],
  ['DELETE', '/api/delete'],
  ['POST', '/api/blobs/sha256:00'],
  ['POST', '/v1/load_lora_adapter'],
  ['POST', '/v1/unload_lora_adapter'],
  ['POST', '/sleep'],
  ['POST', '/wake_up'],
  ['POST', '/slots/0?action=erase'],
  ['POST', '/flush_cache'],
  ['POST', '/props'],
  ['POST', '/model/new'],
  ['GET', '/key/list'],
  ['POST', '/update_weights_from_disk'],
  ['POST', '/collective_rpc'],
]

/** The same path to servers that decode, fold case or merge slashes. */
function spellings(path: string): string[] {
  const [bare = '', query = ''] = path.split('?')
  const rest = query === '' ? '' : `?${query}`
  const last = bare.lastIndexOf('/')
  const escaped = `${bare.slice(0, last + 1)}%${bare.charCodeAt(last + 1).toString(16)}${bare.slice(last + 2)}`
  return [
    bare,
    `${bare}/`,
    `${bare}//`,
    bare.toUpperCase(),
    `${bare};x=y`,
    `${bare}%20`,
    escaped,
    escaped.replace('%', '%25'),
    `${bare.slice(0, last)}%2f${bare.slice(last + 1)}`,
    `${bare.slice(0, last)}//${bare.slice(last + 1)}`,
    `/x/..${bare}`,
    `/%2e${bare}`,
    `${bare}%00`,
    `${bare}%23`,
  ].map((each) => each + rest)
}

const gated = [
  '/internal/requests',
  '/internal/config',
  '/internal/events',
  '/internal/explain',
  '/internal/openapi.json',
  '/internal/clients',
]

export const trespasses: readonly Trespass[] = [
  ...inference.flatMap((path) => [
    ...origins.map((origin) => ({ family: 'origins', method: 'POST', path, headers: { origin } })),
    ...sites.map((site) => ({
      family: 'origins',
      method: 'POST',
      path,
      headers: { 'sec-fetch-site': site },
    })),
    ...names.map((host) => ({ family: 'rebinding', method: 'POST', path, headers: { host } })),
    ...origins.map((origin) => ({
      family: 'preflights',
      method: 'OPTIONS',
      path,
      headers: { origin, 'access-control-request-method': 'POST' },
    })),
  ]),
  ...['/v1', '/olla/proxy', '/olla/ollama', '/olla/openai', ''].flatMap((mount) =>
    management.flatMap(([method, path]) =>
      spellings(path).map((each) => ({ family: 'management', method, path: mount + each, headers: {} })),
    ),
  ),
  ...gated.flatMap((path) => [
    ...names.map((host) => ({ family: 'internal', method: 'GET', path, headers: { host } })),
    ...origins.map((origin) => ({ family: 'internal', method: 'POST', path, headers: { origin } })),
  ]),
]

/** Headers that look like the token and are not it. */
export function wrongTokens(token: string): string[] {
  return [
    '',
    'Bearer',
    'Bearer ',
    `Bearer ${token}x`,
    `Bearer ${token.slice(1)}`,
    `Bearer ${token.toUpperCase()}`,
    `Basic ${token}`,
    token,
    `Bearer "${token}"`,
    `Bearer ${token},${token}`,
    `Bearer x ${token}`,
    `Basic ${Buffer.from(`admin:${token}x`).toString('base64')}`,
    'Bearer undefined',
    'Bearer null',
    `Bearer ${encodeURIComponent(`${token} `)}`,
  ]
}
