/** A key that is equal for URLs of the same server: without a trailing slash or `/v1`, and with the default port. */
export function serverKey(url: string): string {
  const { protocol, hostname, port, pathname } = new URL(url)
  const host = hostname === 'localhost' || hostname === '[::1]' ? '127.0.0.1' : hostname.replace(/\.$/, '')
  const path = pathname.replace(/\/+$/, '').replace(/\/v1$/, '')
  return `${protocol}//${host}:${port || (protocol === 'https:' ? '443' : '80')}${path}`
}

/** Whether a text is an absolute HTTP URL without credentials. */
export function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === ''
}
