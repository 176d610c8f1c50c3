import { usePreferences } from '../frame/preferences.ts'
import { bindings, type CommandId } from './table.ts'

/** Keys of one's own choice by command; empty for a command that has none. What is not named has its usual ones. */
export type OwnKeys = Readonly<Record<string, string>>

/** Letters with Ctrl that are the browser's own, or move text. */
const taken = 'ACDFGHJLNOPQRSTUVWXYZ'

/** The keys of every command as they are now; empty for one that is switched off. */
export function keysNow(own: OwnKeys): ReadonlyMap<CommandId, string> {
  return new Map(
    bindings.map(({ id, keys }) => {
      const wanted = own[id]
      return [id, typeof wanted === 'string' && (wanted === '' || whatIsWrong(wanted) === null) ? wanted : keys]
    }),
  )
}

/** The same for whoever is looking. */
export function useKeys(): ReadonlyMap<CommandId, string> {
  return keysNow(usePreferences().keys)
}

/** What stands against these keys by themselves; null for nothing. */
export function whatIsWrong(keys: string): string | null {
  const [, withCtrl] = /^Ctrl\+([A-Z])$/.exec(keys) ?? []
  if (withCtrl !== undefined) return taken.includes(withCtrl) ? `${keys} belongs to the browser.` : null
  if (/^\S( \S)?$/u.test(keys)) return null
  return 'One key, as x or ?; two after each other, as g i; or Ctrl with a letter, as Ctrl+K.'
}

/** Commands that these keys would get in the way of: the same keys, or one that begins with the other. */
export function findRivals(id: CommandId, keys: string, now: ReadonlyMap<CommandId, string>): readonly CommandId[] {
  const begins = (whole: string, part: string): boolean => whole === part || whole.startsWith(`${part} `)
  return [...now]
    .filter(([other, held]) => other !== id && held !== '' && (begins(held, keys) || begins(keys, held)))
    .map(([other]) => other)
}

/** `ctrl+k` and `g  i` as they are written in the table. */
export function tidyKeys(typed: string): string {
  const keys = typed.trim().replace(/\s+/g, ' ')
  const [, letter] = /^(?:ctrl|cmd|control) ?\+ ?([a-z])$/i.exec(keys) ?? []
  return letter === undefined ? keys : `Ctrl+${letter.toUpperCase()}`
}
