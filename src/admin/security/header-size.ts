/**
 * Estimates the size of a request head in bytes, as Olla does (contract 9.2): names, values with separators, and the
 * request line.
 * @param rawHeaders as `IncomingMessage.rawHeaders`
 */
export function requestHeadBytes(
  method: string,
  url: string,
  httpVersion: string,
  rawHeaders: readonly string[],
): number {
  let bytes = method.length + url.length + httpVersion.length + 'HTTP/'.length + 4
  for (let at = 0; at < rawHeaders.length; at += 2) {
    bytes += (rawHeaders[at]?.length ?? 0) + (rawHeaders[at + 1]?.length ?? 0) + 4
  }
  return bytes
}
