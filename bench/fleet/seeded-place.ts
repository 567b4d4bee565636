import { newMemory, type TablePlace } from '../../src/kernel/cells/table-place.ts'

export const capacities = { endpoints: 256, models: 16 }

/** Memory of cells whose hashes have the same seed each time, so that a simulation is repeatable. */
export function seededPlace(): TablePlace {
  return {
    threads: 1,
    thread: 0,
    allocate(_shape, bytes, start) {
      const memory = newMemory(bytes, start)
      if (start !== undefined && 'randomBytes' in start)
        new Uint8Array(memory).fill(0x5a, 0, start.randomBytes)
      return memory
    },
    part: seededPlace,
  }
}
