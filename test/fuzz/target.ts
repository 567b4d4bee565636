/** A reader of bytes that others choose, and what has to be true of it. */
export interface FuzzTarget {
  /** Also the name of the folder with its seeds. */
  readonly name: string
  readonly invariant: string
  /**
   * @param pieces the same bytes, cut
   * @returns whether the reader took the bytes for what they should be
   */
  check(bytes: Buffer, pieces: readonly Buffer[]): boolean | Promise<boolean>
}
