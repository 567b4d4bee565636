import { describeBudget } from '../support/buffer-budget-cases.ts'

describeBudget('olla', 'own')
