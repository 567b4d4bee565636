import { longTextPlan } from '../../../../kernel/json/long-texts.ts'
import { billingHeader } from './system-text.ts'

/** The texts of a conversation, and its images and files. */
export const messagesTexts = longTextPlan({
  paths: [
    'system',
    'system.text',
    'messages.content',
    'messages.content.text',
    'messages.content.content',
    'messages.content.content.text',
    'messages.content.source.data',
    'messages.content.content.source.data',
  ],
  exceptStart: billingHeader,
  messages: 'messages',
})
