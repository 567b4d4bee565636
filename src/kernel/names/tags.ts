const latest = ':latest'

/** Whether a name ends in `:latest`, the tag that Ollama adds to names without one. */
export function isLatest(name: string): boolean {
  return name.endsWith(latest)
}

/** The name without `:latest`, equal for both spellings. */
export function untaggedName(name: string): string {
  return isLatest(name) ? name.slice(0, -latest.length) : name
}

/** The other spelling of a name without a tag or with `:latest`; undefined if it has another tag. */
export function otherSpelling(name: string): string | undefined {
  if (isLatest(name)) return untaggedName(name)
  // A colon before the last slash is a port: `registry:5000/model`.
  return name.includes(':', name.lastIndexOf('/') + 1) ? undefined : `${name}${latest}`
}
