import { randomBytes } from 'node:crypto'

const prefix = 'sk-'
/** 256 bits in base64url. */
const secretLength = 43
const form = /^sk-[A-Za-z0-9_-]{43}$/
const hintLength = 4

/** Longer texts are no keys; they are not hashed. */
export const maxKeyLength = 256

/** Makes a key from 256 random bits. */
export function createKey(): string {
  return prefix + randomBytes(32).toString('base64url')
}

/** Whether a text has the form of a key that `createKey` makes. */
export function isKey(text: string): boolean {
  return text.length === prefix.length + secretLength && form.test(text)
}

/** The end of a key: enough to recognize it, far too little to guess it. */
export function hintOf(key: string): string {
  return key.slice(-hintLength)
}

/** Makes the ID of a key: 80 random bits. */
export function createKeyId(): string {
  return `key_${randomBytes(10).toString('hex')}`
}
