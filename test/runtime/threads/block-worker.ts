import { parentPort, workerData } from 'node:worker_threads'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import { type BlockLine, requestBlocks } from '../../../src/runtime/threads/block-exchange.ts'
import { countedCells } from './counted-cells.ts'

/** A thread that takes its tables while the other does, and counts once in each. */
const { line, thread, threads } = workerData as { line: BlockLine; thread: number; threads: number }
const state = new SharedState({}, new SharedBlocks(threads, thread, new Map(), requestBlocks(line)))
for (let table = 0; table < 20; table++) state.of(countedCells(table)).counts.add(0, 0, 1)
parentPort?.postMessage('counted')
