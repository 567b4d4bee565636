import { circuitCases } from './circuit-cases.ts'
import { connectionCases } from './connection-cases.ts'
import { discoveryCases } from './discovery-cases.ts'
import { endpointCases } from './endpoint-cases.ts'
import { hedgingCases } from './hedging-cases.ts'
import { lineCases } from './line-cases.ts'
import { modelCases } from './model-cases.ts'
import { otherCases } from './other-cases.ts'
import { overloadCases } from './overload-cases.ts'
import { proxyCases } from './proxy-cases.ts'
import { streamCases } from './stream-cases.ts'

/** A case for each key that a reload applies. */
export const liveCases = [
  ...endpointCases,
  ...discoveryCases,
  ...proxyCases,
  ...circuitCases,
  ...otherCases,
  ...connectionCases,
  ...lineCases,
  ...modelCases,
  ...overloadCases,
  ...streamCases,
  ...hedgingCases,
]
