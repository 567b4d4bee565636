declare module 'multicast-dns' {
  interface Packet {
    readonly questions: readonly { readonly name: string; readonly type: string }[]
    readonly answers: readonly unknown[]
    readonly additionals: readonly unknown[]
  }

  interface MulticastDns {
    on(event: 'query' | 'response', listener: (packet: Packet) => void): void
    on(event: 'error' | 'warning', listener: (error: NodeJS.ErrnoException) => void): void
    on(event: 'ready' | 'networkInterface', listener: () => void): void
    query(questions: readonly object[], done: (error?: NodeJS.ErrnoException | null) => void): void
    respond(answer: { readonly answers: readonly object[] }): void
    destroy(): void
  }

  const make: (options: object) => MulticastDns
  export default make
}
