import type { MediaSource } from '../contract/conversation.ts'

const beginning = /^data:([^;,]{0,200})((?:;[^;,]{0,200}){0,20}),/i

/** First characters of images in base64. */
const imageStarts: readonly (readonly [string, string])[] = [
  ['iVBOR', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
  ['Qk', 'image/bmp'],
]

/**
 * A source for a URL as clients write it: `data:` URLs become base64 data.
 * @param defaultType of data whose URL names no type
 * @returns undefined if it is a `data:` URL that cannot be decoded
 */
export function mediaSource(url: string, defaultType: string): MediaSource | undefined {
  if (!/^data:/i.test(url)) return { kind: 'url', url }
  const found = beginning.exec(url)
  if (found === null) return undefined
  const [head, type = '', parameters = ''] = found
  const rest = url.slice(head.length)
  const mediaType = type.trim() === '' ? defaultType : type.trim().toLowerCase()
  if (/;\s*base64\s*$/i.test(parameters)) return { kind: 'data', data: rest, mediaType }
  try {
    return { kind: 'data', data: Buffer.from(decodeURIComponent(rest)).toString('base64'), mediaType }
  } catch {
    return undefined
  }
}

/** The type of an image by the first characters of its base64; undefined if they are of none. */
export function imageTypeOf(base64: string): string | undefined {
  return imageStarts.find(([start]) => base64.startsWith(start))?.[1]
}
