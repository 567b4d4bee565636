/** The current view, as in the fragment of the page's address: `fleet`, `requests/<id>`. */
export const viewIds = [
  'fleet',
  'models',
  'traffic',
  'in-flight',
  'queue',
  'requests',
  'events',
  'keys',
  'teams',
  'owners',
  'limits',
  'usage',
  'replicas',
  'discovery',
  'configuration',
  'playground',
] as const

export type ViewId = (typeof viewIds)[number]

/** Views that are there only if clients need API keys. */
export const callerViewIds: ReadonlySet<ViewId> = new Set<ViewId>([
  'keys',
  'teams',
  'owners',
  'limits',
  'usage',
])

/** Views that are there only if their feature is on. */
export const optionalViewIds: ReadonlySet<ViewId> = new Set<ViewId>([
  ...callerViewIds,
  'replicas',
  'discovery',
])

export interface ViewAddress {
  readonly view: ViewId
  /** What is opened within the view: an endpoint's or a request's ID. */
  readonly item: string | undefined
}

/** An invalid address leads to the first view. */
export function parseAddress(hash: string): ViewAddress {
  const [name = '', ...rest] = hash.replace(/^#/, '').split('/')
  const view = viewIds.find((id) => id === name)
  if (view === undefined) return { view: viewIds[0], item: undefined }
  const item = decoded(rest.join('/'))
  return { view, item: item === '' ? undefined : item }
}

export function formatAddress(view: ViewId, item?: string): string {
  return item === undefined ? `#${view}` : `#${view}/${encodeURIComponent(item)}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
