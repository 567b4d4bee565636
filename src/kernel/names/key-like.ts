const keyLike = /sk-[A-Za-z0-9_-]{43}/g

/** Replaces texts with the form of an API key: a client may have put its key where it does not belong. */
export function withoutKeys(text: string): string {
  return text.includes('sk-') ? text.replace(keyLike, 'sk-[redacted]') : text
}
