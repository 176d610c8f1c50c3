const rules = new Intl.PluralRules('en')

/** The form of a word that goes with a count, by the plural rules of the language and not by a comparison with 1. */
export function formOf(count: number, one: string, other: string): string {
  return rules.select(count) === 'one' ? one : other
}

/** A count with its word: “1 alert”, “1,200 alerts”. */
export function writeCount(count: number, one: string, other: string): string {
  return `${count.toLocaleString('en')} ${formOf(count, one, other)}`
}
