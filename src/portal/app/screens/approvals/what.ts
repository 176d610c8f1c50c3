import { verbOf } from '../../../shown/words.ts'
import type { Approval } from '../../api/wire.ts'

/** What an approval is about, as buttons and headings say it. */
export function writeWhat({ seen }: Pick<Approval, 'seen'>): string {
  return `${verbOf(seen.actionType)} ${seen.target?.displayName ?? ''}`
}
