import type { AudioPart, ImagePart } from '../../hub/contract/conversation.ts'
import type { Feature } from '../../hub/contract/features.ts'
import { refuse } from './read-fields.ts'

/** Base64 characters of the bytes that identify a media type. */
const headLength = 24
const base64Head = /^[A-Za-z0-9+/_-]+={0,2}$/
const dataUrl = /^data:([a-z]+\/[a-z0-9.+-]+)?;base64,/i
/** Longest prefix of a data URL. */
const maxPrefixLength = 100
/** Engines detect the format of an image themselves. */
const defaultImage = 'image/png'

/**
 * Reads one of a message's `images`: base64 without a media type. Ollama's models with the capability `audio` receive
 * sound in the same field.
 * @param uses receives `image_data` or `audio_input`
 * @throws GatewayError invalid_request
 */
export function readMedia(value: unknown, path: string, uses: Set<Feature>): ImagePart | AudioPart {
  if (typeof value !== 'string' || value === '') refuse(`${path}: must be base64 text`)
  const prefix = dataUrl.exec(value.slice(0, maxPrefixLength))
  const data = prefix === null ? value : value.slice(prefix[0].length)
  const head = data.slice(0, headLength).replace(/\s/g, '')
  if (!base64Head.test(head)) refuse(`${path}: must be base64 text`)
  const bytes = Buffer.from(head, 'base64')
  const format = audioFormat(bytes)
  if (format !== undefined) {
    uses.add('audio_input')
    return { kind: 'audio', data, format }
  }
  uses.add('image_data')
  const mediaType = imageType(bytes) ?? prefix?.[1]?.toLowerCase() ?? defaultImage
  return { kind: 'image', source: { kind: 'data', data, mediaType } }
}

/** The formats of sound that Ollama recognizes (`AudioFormat` of its `llm` package). */
function audioFormat(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1')
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WAVE') return 'wav'
  const [first = 0, second = 0] = bytes
  const isFrame = first === 0xff && (second & 0xe0) === 0xe0
  return text.startsWith('ID3') || isFrame ? 'mp3' : undefined
}

function imageType(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1')
  if (text.startsWith('\x89PNG')) return 'image/png'
  if (text.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (text.startsWith('GIF8')) return 'image/gif'
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'image/webp'
  if (text.startsWith('BM')) return 'image/bmp'
  if (text.startsWith('II*\0') || text.startsWith('MM\0*')) return 'image/tiff'
  if (text.slice(4, 8) !== 'ftyp') return undefined
  return /^avi[fs]$/.test(text.slice(8, 12)) ? 'image/avif' : 'image/heic'
}
