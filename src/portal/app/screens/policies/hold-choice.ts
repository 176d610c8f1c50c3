import { map, record, truth } from '../../api/read.ts'

const choice = record({ confirmation: record({ holdOnPhones: truth }) })

/** Whether the document lets the button be held on phones; null for a text that says nothing about it. */
export function readHoldChoice(document: string): boolean | null {
  try {
    return choice(JSON.parse(document), '').confirmation.holdOnPhones
  } catch {
    // While somebody types it is often no document.
    return null
  }
}

/** The document with that choice in it; the rest as it was. */
export function writeHoldChoice(document: string, holdOnPhones: boolean): string {
  return JSON.stringify({ ...map(JSON.parse(document), ''), confirmation: { holdOnPhones } }, null, 2)
}
