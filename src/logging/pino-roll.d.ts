/** pino-roll ships no types; this is the part of its API that is used. */
declare module 'pino-roll' {
  import type pino from 'pino'

  interface RollOptions {
    file: string
    extension?: string
    size?: string
    limit?: { count: number }
    mkdir?: boolean
    sync?: boolean
    minLength?: number
    maxLength?: number
  }

  export default function roll(options: RollOptions): Promise<ReturnType<typeof pino.destination>>
}
