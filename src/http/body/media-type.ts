import { Remembered } from '../../kernel/remembered.ts'

/**
 * What a content type says about a body: `json` and the forms announce the format. The gateway never parses `binary`
 * bodies, and parses `other` bodies if they turn out to be JSON.
 */
export type MediaKind = 'json' | 'multipart' | 'form' | 'binary' | 'other'

/** Properties of a content type that follow from its text. */
export interface MediaType {
  readonly kind: MediaKind
  /** Whether the text is a valid media type (RFC 9110 section 8.3.1). */
  readonly isValid: boolean
}

const token = "[\\w!#$%&'*+.^`|~-]+"
const mediaType = new RegExp(`^\\s*(${token})/(${token})\\s*(?:;|$)`)

const binaryTypes: ReadonlySet<string> = new Set(['image', 'audio', 'video', 'font', 'model'])
const binarySubtypes: ReadonlySet<string> = new Set([
  'pdf',
  'zip',
  'gzip',
  'x-gzip',
  'x-tar',
  'zstd',
  'x-7z-compressed',
  'vnd.rar',
  'msgpack',
  'x-msgpack',
  'protobuf',
  'x-protobuf',
  'grpc',
  'cbor',
])

const known = new Remembered<MediaType>()

/** Parses a content type; type and subtype are case-insensitive (RFC 9110 section 8.3.1). */
export function readMediaType(contentType: string): MediaType {
  const found = known.get(contentType)
  if (found !== undefined) return found
  const read = describe(contentType)
  known.set(contentType, read)
  return read
}

function describe(contentType: string): MediaType {
  const [, type = '', subtype = ''] = mediaType.exec(contentType.toLowerCase()) ?? []
  const isValid = type !== ''
  if (type === 'multipart') return { kind: 'multipart', isValid }
  if (type === 'application' && subtype === 'x-www-form-urlencoded') return { kind: 'form', isValid }
  if (type === 'application' && (subtype === 'json' || subtype.endsWith('+json')))
    return { kind: 'json', isValid }
  const isBinary = binaryTypes.has(type) || (type === 'application' && binarySubtypes.has(subtype))
  return { kind: isBinary ? 'binary' : 'other', isValid }
}
