import { signal } from '@preact/signals'
import { live } from './gateway.ts'

/** The gateway's time, updated every second; epoch milliseconds. */
export const now = signal(gatewayNow())

export function gatewayNow(): number {
  return Date.now() + live.peek().clockOffsetMs
}

setInterval(() => {
  if (!document.hidden) now.value = gatewayNow()
}, 1000)
