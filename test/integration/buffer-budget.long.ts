import { describeBudget } from '../support/buffer-budget-cases.ts'

describeBudget('olla', 'node')
describeBudget('sherpa', 'own')
describeBudget('sherpa', 'node')
