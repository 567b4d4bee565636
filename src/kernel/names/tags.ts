const latest = ':latest'

/** Whether a name has the tag that Ollama gives to names without one. */
export function isLatest(name: string): boolean {
  return name.endsWith(latest)
}

/** A name without `:latest`, in which both spellings are the same. */
export function untaggedName(name: string): string {
  return isLatest(name) ? name.slice(0, -latest.length) : name
}

/** The other spelling of a name that has no tag, or `:latest`; undefined where there is another tag. */
export function otherSpelling(name: string): string | undefined {
  if (isLatest(name)) return untaggedName(name)
  // A colon before the last slash is a port: `registry:5000/model`.
  return name.includes(':', name.lastIndexOf('/') + 1) ? undefined : `${name}${latest}`
}
