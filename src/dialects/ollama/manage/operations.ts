/** How an operation that manages models answers. */
export type ManagementAnswerKind = 'progress' | 'plain' | 'blob'

/** One of Ollama's operations that manage models. */
export interface ManagementOperation {
  readonly path: string
  readonly methods: readonly ('POST' | 'DELETE' | 'HEAD')[]
  readonly kind: ManagementAnswerKind
  /** Whether it changes the endpoint's list of models. */
  readonly changesModels: boolean
  /** Whether an endpoint without the model (404) needs nothing done, if another endpoint had it. */
  readonly allowsMissing: boolean
}

const progress = { methods: ['POST'], kind: 'progress', changesModels: true, allowsMissing: false } as const

/** https://github.com/ollama/ollama/blob/main/docs/api.md */
export const managementOperations: readonly ManagementOperation[] = [
  { ...progress, path: '/api/pull' },
  { ...progress, path: '/api/create' },
  { ...progress, path: '/api/push', changesModels: false },
  { path: '/api/copy', methods: ['POST'], kind: 'plain', changesModels: true, allowsMissing: false },
  { path: '/api/delete', methods: ['DELETE'], kind: 'plain', changesModels: true, allowsMissing: true },
  {
    path: '/api/blobs/:digest',
    methods: ['HEAD', 'POST'],
    kind: 'blob',
    changesModels: false,
    allowsMissing: false,
  },
]
