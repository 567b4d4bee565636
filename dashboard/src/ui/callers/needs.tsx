import type { ComponentChildren } from 'preact'
import { canChange, features } from '../../live/gateway.ts'
import { Empty, Loading } from '../notice.tsx'
import { Toolbar } from '../toolbar.tsx'

export interface NeedsProps {
  readonly feature: 'keys' | 'usage' | 'replicas' | 'discovery'
  readonly title: string
  readonly children: ComponentChildren
}

const absences = {
  keys: ['This gateway needs no API keys', 'Set callers.store to require them.'],
  usage: ['This gateway does not count use', 'It does with callers.store.'],
  replicas: ['This gateway is alone', 'Several act as one with cluster.redis.'],
  discovery: ['Nothing finds endpoints', 'Set discovery.providers to find some.'],
} as const

/** A view of a feature that can be off: then its address shows why, and nothing is loaded. */
export function Needs({ feature, title, children }: NeedsProps) {
  if (features.value?.[feature] === true || !canChange) return <>{children}</>
  const [absence, cure] = absences[feature]
  return (
    <>
      <Toolbar title={title} />
      {features.value === undefined ? <Loading /> : <Empty title={absence}>{cure}</Empty>}
    </>
  )
}
